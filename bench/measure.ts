import { InputError } from '../src/base/errors';
import type { Device } from '../src/device';

export interface Timing {
  /** Milliseconds, the median and the least of the repetitions. */
  readonly median: number;
  readonly least: number;
}

/** Times one launch sequence by the GPU's clock where the adapter has timestamps, else by the wall clock: milliseconds. */
export async function timeOnce(device: Device, run: () => void): Promise<number> {
  const start = performance.now();
  const launches = await device.profile(run);
  if (launches.length > 0) return launches.reduce((sum, l) => sum + l.milliseconds, 0);
  run();
  await device.wait();
  return performance.now() - start;
}

/** Times several launch sequences in turn, round after round, each warmed up once: milliseconds, in the given order. */
export async function timeInTurn(device: Device, runs: readonly (() => void)[], rounds: number): Promise<number[][]> {
  for (const run of runs) await timeOnce(device, run);
  const times: number[][] = runs.map(() => []);
  for (let r = 0; r < rounds; r++) for (const [i, run] of runs.entries()) times[i].push(await timeOnce(device, run));
  return times;
}

export function summary(times: readonly number[]): Timing {
  return { median: median(times), least: Math.min(...times) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Deterministic numbers in [-1, 1), other ones for every `salt`. Peers make the same (`peers/*`). */
export const filler = (n: number, salt = 0): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => ((i * 7919 + salt * 389) % 1013) / 506.5 - 1);

/** A count given on the command line. @throws InputError when it is no whole number from 1 */
export function count(option: string, value: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 1)
    throw new InputError(`--${option}: expected a whole number from 1, found ${value}`);
  return n;
}
