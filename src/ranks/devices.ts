// Which ranks compute on one device.
import { hostname } from 'node:os';
import { ofAll } from './agree';
import type { Ranks } from './ranks';

/**
 * A line for each device that several ranks have: on one host they take the same adapter, unless the environment gives each a card of its own.
 * @param own this rank's adapter
 */
export async function sharedDevices(ranks: Ranks, own: { device: string; description: string }): Promise<string[]> {
  const { DRI_PRIME: card = '' } = process.env;
  const all = await ofAll(ranks, { host: hostname(), name: own.description || own.device, card });
  const sharing = new Map<string, number[]>();
  for (const [rank, { host, name, card }] of all.entries()) {
    const device = `${name}${card && ` (${card})`}, on ${host}`;
    sharing.set(device, [...(sharing.get(device) ?? []), rank]);
  }
  return [...sharing]
    .filter(([, of]) => of.length > 1)
    .map(([device, of]) => `ranks ${of.join(', ')} share one device: ${device}`);
}
