import { InputError } from '../base/errors';
import type { DType } from '../kernels/launch/matrix';
import type { Layout } from './layout';
import type { Tensor } from './tensor';

/** How numbers are spread. Infinite ones and NaN count in `infinite` and `nan` alone; where all are such, the figures are NaN. */
export interface Spread {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the numbers as they are, divided by their count. */
  readonly std: number;
  readonly nan: number;
  readonly infinite: number;
  /** How many are 0. */
  readonly zeros: number;
  /** `counts` of equal bins from min to max, each with its lower end; of one number alone, from 0.5 below it to 0.5 above. */
  readonly histogram: { readonly from: number; readonly to: number; readonly counts: readonly number[] };
}

/** A tensor at a glance. */
export interface TensorInspection extends Spread {
  readonly shape: readonly number[];
  readonly layout: Layout;
  readonly dtype: DType;
}

/**
 * Reads a tensor, an activation or a gradient, and tells its shape and how its elements are spread: range, mean and standard deviation
 * (in doubles), NaN, infinities, zeros, and a histogram. The copy is recorded on the spot, so what a step frees later can be looked at
 * inside it, and a gradient inside `onGrad`.
 * @param bins of the histogram. Default 20.
 * @throws InputError for null (nothing has written that gradient), or bins that are no whole number from 1 on; Error for memory that is gone.
 * @example
 * const x = tensor(device, [-1, 0, 2, Infinity], [2, 2], { requiresGrad: true });
 * const { shape, mean, std, infinite, histogram } = await inspect(x, { bins: 3 });
 * shape; // [2, 2]
 * mean; // 0.3333
 * std; // 1.2472
 * infinite; // 1
 * histogram.counts; // [1, 1, 1]
 * backward(sum(mul(x, 2)));
 * (await inspect(x.grad)).mean; // 2
 */
export async function inspect(
  t: Tensor | null,
  { bins = 20 }: { readonly bins?: number } = {},
): Promise<TensorInspection> {
  if (t === null)
    throw new InputError('inspect: expected a tensor, found null: a gradient is there once a backward has reached it');
  if (!Number.isInteger(bins) || bins < 1) throw new InputError(`inspect: expected 1 bin or more, found ${bins}`);
  const { shape, layout, dtype } = t;
  return { shape, layout, dtype, ...spreadOf(await t.data(), bins) };
}

/** See Spread. */
export function spreadOf(numbers: Float32Array, bins: number): Spread {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  let [nan, infinite, zeros] = [0, 0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const v = numbers[i];
    // One comparison for what nearly all are.
    if (!(v - v === 0)) {
      if (Number.isNaN(v)) nan++;
      else infinite++;
      continue;
    }
    if (v < min) min = v;
    if (v > max) max = v;
    if (v === 0) zeros++;
    sum += v;
  }
  const finite = numbers.length - nan - infinite;
  const counts = new Array<number>(bins).fill(0);
  if (finite === 0) {
    const none = Number.NaN;
    const histogram = { from: none, to: none, counts };
    return { min: none, max: none, mean: none, std: none, nan, infinite, zeros, histogram };
  }
  const mean = sum / finite;
  const [from, to] = min < max ? [min, max] : [min - 0.5, min + 0.5];
  const scale = bins / (to - from);
  const places = new Uint32Array(bins + 1);
  let squares = 0;
  for (let i = 0; i < numbers.length; i++) {
    const v = numbers[i];
    if (!(v - v === 0)) continue;
    const off = v - mean;
    squares += off * off;
    places[((v - from) * scale) | 0]++;
  }
  // The greatest is in the last.
  places[bins - 1] += places[bins];
  counts.splice(0, bins, ...places.subarray(0, bins));
  const std = Math.sqrt(squares / finite);
  return { min, max, mean, std, nan, infinite, zeros, histogram: { from, to, counts } };
}
