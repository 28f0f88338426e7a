import type { Device } from '../src/device';

export interface Timing {
  /** Milliseconds, the median and the least of the repetitions. */
  readonly median: number;
  readonly least: number;
}

/** One thing to measure. */
export interface Work {
  readonly name: string;
  /** Multiply-adds count as two; 0 for work bound by memory. */
  readonly flop: number;
  /** Bytes read and written at least. */
  readonly bytes: number;
  /** Makes the inputs and returns what is to be timed; called once. */
  prepare(device: Device): () => void;
}

/**
 * Times one launch sequence: by the GPU's own clock where the adapter has timestamps (the sum of its launches), else by
 * the wall clock with everything waited for.
 */
export async function timeWork(device: Device, run: () => void, repetitions: number): Promise<Timing> {
  run();
  await device.wait();
  const times: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    const launches = await device.profile(run);
    if (launches.length === 0) {
      run();
      await device.wait();
      times.push(performance.now() - start);
    } else times.push(launches.reduce((sum, l) => sum + l.milliseconds, 0));
  }
  return summary(times);
}

export function summary(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0] };
}

/** Deterministic numbers in [-1, 1): inputs whose values do not matter. */
export const filler = (n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1013) / 506.5 - 1);
