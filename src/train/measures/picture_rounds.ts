// Groups of pictures that several ranks look at.
import { setTimeout as wait } from 'node:timers/promises';
import { orAborted } from '../../base/abort';
import { InputError, MachineError } from '../../base/errors';
import { fromFirst, ofAll } from '../../ranks/agree';
import type { Ranks } from '../../ranks/ranks';
import type { PictureGroup } from './picture_groups';

/** A group, and what was found in it. */
export interface LookedThrough<Found> {
  readonly group: PictureGroup;
  readonly found: Found;
}

/** What a rank tells of a round. */
interface Told<Found> {
  /** The pictures of all its groups, as this rank lists them. */
  readonly listed: readonly (readonly string[])[];
  /** In the rank's own group; null: it has none. */
  readonly found: Found | null;
  readonly said: readonly string[];
  readonly stopped: boolean;
}

/** Milliseconds from one rank's signal to another's, at most. */
const SIGNALS_MS = 2000;

/**
 * Looks at groups in rounds of one for each rank, and gives what was found in each, in order, to rank 0; the others get nothing. All ranks list
 * the same pictures; which group is the first says rank 0.
 * @param groups on other ranks those of all sources
 * @param look what it says goes to rank 0's `say`
 * @throws InputError where a rank lists other pictures; the signal's reason on all ranks once that of one is aborted
 */
export async function* inRounds<Found>(
  ranks: Ranks,
  groups: AsyncIterable<PictureGroup>,
  look: (group: PictureGroup, say: (line: string) => void) => Promise<Found>,
  say: (line: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<LookedThrough<Found>> {
  const { rank, size } = ranks;
  if (size === 1) {
    for await (const group of groups) yield { group, found: await look(group, say) };
    return;
  }
  /** A rank that is stopped tells it with the round. */
  const unlessStopped = <T>(work: Promise<T>, instead: T): Promise<T> =>
    work.catch((error) => {
      if (signal?.aborted && error === signal.reason) return instead;
      throw error;
    });
  const source = groups[Symbol.asyncIterator]();
  const pull = (): Promise<IteratorResult<PictureGroup>> =>
    unlessStopped(source.next(), { done: true, value: undefined });
  let next = await pull();
  const first = await fromFirst(ranks, next.done ? Number.POSITIVE_INFINITY : next.value.number);
  while (!next.done && next.value.number < first) next = await pull();
  for (;;) {
    const round: PictureGroup[] = [];
    while (!next.done && round.push(next.value) < size) next = await pull();
    const said: string[] = [];
    const own = round.at(rank);
    const tell = rank === 0 ? say : (line: string): void => void said.push(line);
    const found = own && !signal?.aborted ? await unlessStopped<Found | null>(look(own, tell), null) : null;
    const listed = round.map(({ pictures }) => pictures.map(({ file }) => file));
    const told: Told<Found> = { listed, found, said, stopped: signal?.aborted ?? false };
    const all = await ofAll(ranks, told);
    const stopped = all.findIndex((one) => one.stopped);
    if (stopped >= 0) {
      await orAborted(wait(SIGNALS_MS), signal);
      throw new MachineError(`rank ${stopped} was stopped by a signal`);
    }
    const other = all.findIndex((one) => JSON.stringify(one.listed) !== JSON.stringify(all[0].listed));
    if (other >= 0) throw listsOther(other, all[0].listed.flat(), all[other].listed.flat());
    if (round.length === 0) return;
    for (const [i, one] of all.entries()) {
      if (rank > 0 || one.found === null) continue;
      for (const line of one.said) say(line);
      yield { group: round[i], found: one.found };
    }
    if (!next.done) next = await pull();
  }
}

function listsOther(rank: number, wanted: readonly string[], found: readonly string[]): InputError {
  const at = wanted.findIndex((file, i) => file !== found[i]);
  const nothing = 'nothing more';
  const [expected, is] = at < 0 ? [nothing, found[wanted.length]] : [wanted[at], found[at] ?? nothing];
  return new InputError(
    `rank ${rank}: expected the pictures that rank 0 lists, found ${is} where that has ${expected}; give all ranks the same files`,
  );
}
