// Which ranks compute on one device.
import { hostname } from 'node:os';
import { ofAll } from './agree';
import type { Ranks } from './ranks';

/**
 * A line for each device that several ranks have: of a host they take the same adapter, unless the environment gives each a card of its own.
 * @param name of this rank's adapter
 */
export async function sharedDevices(ranks: Ranks, name: string, software: boolean): Promise<string[]> {
  const { DRI_PRIME: card = '' } = process.env;
  const all = await ofAll(ranks, { host: hostname(), name, card, software });
  const sharing = new Map<string, number[]>();
  for (const [rank, { host, name, card }] of all.entries()) {
    const key = `${host} ${name} ${card}`;
    sharing.set(key, [...(sharing.get(key) ?? []), rank]);
  }
  return [...sharing.values()]
    .filter((of) => of.length > 1)
    .map((of) => {
      const { host, name, software } = all[of[0]];
      return `ranks ${of.join(', ')} share ${software ? 'the CPU' : 'one device'} of ${host}: ${name}`;
    });
}
