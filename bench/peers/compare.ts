import { readAll, type Tensor } from '../../src/autograd';
import { median } from '../measure';
import type { Peer } from './peer';
import { sampled } from './serve.mjs';

/** Milliseconds a time, medians of what was measured in turn. */
export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/** Rounds go on until both the least number and the time are spent. */
export interface Patience {
  readonly rounds: number;
  readonly ms: number;
}

/** What one measurement should take: ours long enough for the clock and the wait, the peer's short enough for the day. */
const OURS_MS = 20;
const THEIRS_MS = 200;

/** Threads of an engine on the CPU spin for a while after their work: they must not take our time. */
const SETTLE_MS = 20;

/** No round begins after this. */
const LONG_MS = 15_000;

/** Below this ratio, who is faster takes more rounds to tell: machines that others share are noisy. */
const CLEAR = 1.5;
const SURE_ROUNDS = 7;

/**
 * Times ours and a peer's in turn, each the same number of times a measurement with one wait at its end. Both must have
 * computed once.
 */
export async function inTurn(ours: (times: number) => Promise<number>, peer: Peer, patience: Patience): Promise<Pair> {
  const settled = (): Promise<void> => new Promise((done) => setTimeout(done, SETTLE_MS));
  await settled();
  const start = performance.now();
  const [mine, others] = [[await ours(1)], [await peer.time(1)]];
  const times = Math.max(1, Math.min(50, Math.floor(Math.min(OURS_MS / mine[0], THEIRS_MS / others[0]))));
  if (times > 1) for (const list of [mine, others]) list.pop();
  const passed = (): number => performance.now() - start;
  const sure = (): boolean => mine.length >= SURE_ROUNDS || median(others) > CLEAR * median(mine);
  const enough = (): boolean => mine.length >= patience.rounds && passed() >= patience.ms && sure();
  while (mine.length === 0 || (passed() < LONG_MS && !enough())) {
    await settled();
    mine.push((await ours(times)) / times);
    others.push((await peer.time(times)) / times);
  }
  // Ours before and after each of theirs: a machine that drifts favours nobody.
  await settled();
  mine.push((await ours(times)) / times);
  return { ours: median(mine), theirs: median(others) };
}

/** Two engines that sum in other orders differ by 1e-5 of the largest number or so; work that was dropped by all of it. */
const TOLERANCE = 1e-2;

/** @throws Error when the peer's last result is not ours: a time of something else is no time. */
export async function checkSame(results: readonly Tensor[], peer: Peer): Promise<void> {
  const theirs = await peer.samples();
  for (const [r, data] of (await readAll(results)).entries()) {
    const most = data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    for (const [s, i] of sampled(data.length).entries())
      if (!(Math.abs(data[i] - theirs[r][s]) <= TOLERANCE * most))
        throw new Error(`its result is not ours: element ${i} of ${data.length} is ${theirs[r][s]}, ours ${data[i]}`);
  }
}
