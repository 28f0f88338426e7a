import { type Device, defineKernel, type Storage } from '../../device';
import { guarded, type Verdict } from '../guard';
import { ceilDiv } from '../launch/ceil_div';
import { columnLanes } from '../launch/columns';
import { pairs } from '../pair';
import pair from '../pair.wgsl';
import source from './follow.wgsl';

const kernel = defineKernel('batch_norm.follow', pair, source);

/** Numbers of 4 bytes of an entry of a plan. */
const ENTRY = 5;

/**
 * A batch's mean or variance of a norm's channels, for the running one: pairs, from the `source`-th of `moments` on. Without channels
 * `source` batches, for a count.
 */
export interface Moment {
  /** Where the running vector, or the count, lies in its memory, in elements. */
  readonly at: number;
  readonly channels: number;
  readonly source: number;
  readonly momentum: number;
}

/** What `follow` does, as its kernel reads it: the vectors' first batches, then the later ones, each led to by the one before. */
export function planOf(vectors: readonly (readonly Moment[])[]): Uint32Array {
  const total = vectors.reduce((n, batches) => n + batches.length, 0);
  const words = new Uint32Array(total * ENTRY);
  const numbers = new Float32Array(words.buffer);
  let later = vectors.length;
  vectors.forEach((batches, v) => {
    batches.forEach(({ at, channels, source, momentum }, k) => {
      const i = ENTRY * (k === 0 ? v : later++);
      words.set([at, channels, source, k + 1 < batches.length ? later : 0], i);
      numbers[i + 4] = momentum;
    });
  });
  return words;
}

/**
 * running = (1 - momentum) * running + momentum * batch, for every vector of a plan, the batches of each in their order; nothing
 * where the verdict refused their step.
 */
export function follow(
  device: Device,
  vectors: readonly (readonly Moment[])[],
  plan: Storage,
  moments: Storage,
  running: Storage,
  verdict: Verdict | null,
): void {
  const lanes = columnLanes(device);
  const most = Math.max(1, ...vectors.map(([{ channels }]) => channels));
  device.dispatch(kernel, {
    buffers: { plan, moments, running, verdict: verdict?.storage ?? device.none },
    params: { veil: 0 },
    constants: { ...pairs(1, true), LANES: lanes, GUARDED: guarded(verdict).GUARDED },
    workgroups: [ceilDiv(most, lanes), vectors.length],
    label: `batch_norm.follow ${vectors.length}x${most}`,
    bytes: vectors.reduce(
      (sum, batches) => sum + batches.length * batches[0].channels * 8 + batches[0].channels * 8,
      0,
    ),
  });
}
