// Values that ranks tell each other, beside numbers that are added.
import { deserialize, serialize } from 'node:v8';
import { InputError } from '../base/errors';
import type { Ranks } from './ranks';

/** Of all ranks what each has, in their order: plain objects, typed arrays, any numbers. */
export async function ofAll<T>(ranks: Ranks, own: T): Promise<T[]> {
  if (ranks.size === 1) return [own];
  return (await ranks.gather(serialize(own))).map((bytes) => deserialize(bytes.slice()));
}

/** On all ranks what rank 0 has. @param own is looked at on rank 0 alone */
export async function fromFirst<T>(ranks: Ranks, own: T | null): Promise<T> {
  return (await ofAll(ranks, ranks.rank === 0 ? own : null))[0] as T;
}

/**
 * Makes sure that all ranks have the same of everything.
 * @param own by the name that a person knows it by
 * @throws InputError on all ranks, with the first that differs
 */
export async function sameOnAll(ranks: Ranks, own: Readonly<Record<string, string>>): Promise<void> {
  const [first, ...others] = await ofAll(ranks, own);
  for (const [i, other] of others.entries())
    for (const name of new Set([...Object.keys(first), ...Object.keys(other)])) {
      const [a, b] = [first[name] ?? 'nothing', other[name] ?? 'nothing'];
      if (a !== b)
        throw new InputError(
          `rank ${i + 1} differs: ${name} is ${b}, rank 0 has ${a}; start all ranks with the same settings, data and version, on the same adapter`,
        );
    }
}
