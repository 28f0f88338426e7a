// Histograms as TensorFlow keeps them: buckets that grow by a tenth, from 1e-12 to 1e20 on both sides of 0.

/** How numbers are spread. Bucket i counts those from limit i - 1, the first from -infinity, to below limit i. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly bucketLimit: readonly number[];
  readonly bucket: readonly number[];
}

const POSITIVE: number[] = [];
for (let limit = 1e-12; limit < 1e20; limit *= 1.1) POSITIVE.push(limit);
POSITIVE.push(Number.MAX_VALUE);

const LIMITS = Float64Array.of(...POSITIVE.map((limit) => -limit).reverse(), 0, ...POSITIVE);
const ZERO = POSITIVE.length;

/** The first bucket whose limit is above `value`. */
function bucketOf(value: number): number {
  const size = Math.abs(value);
  // Near it, by the logarithm; a rounding or two beside.
  const step = size < POSITIVE[0] ? 0 : Math.floor(Math.log(size / POSITIVE[0]) / Math.log(1.1));
  let at = value < 0 ? ZERO - step - 1 : ZERO + step;
  at = Math.min(Math.max(at, 0), LIMITS.length - 1);
  while (LIMITS[at] <= value) at++;
  while (at > 0 && LIMITS[at - 1] > value) at--;
  return at;
}

/** The spread of those of these float32 that are finite; null: none is. Of empty buckets in a row the last one's limit stays. */
export function histogram(values: Float32Array): Histogram | null {
  const counts = new Float64Array(LIMITS.length);
  let [min, max, num, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    counts[bucketOf(value)]++;
    min = Math.min(min, value);
    max = Math.max(max, value);
    num++;
    sum += value;
    sumSquares += value * value;
  }
  if (num === 0) return null;
  const kept = [...LIMITS.keys()].filter((i) => counts[i] > 0 || counts[i + 1] > 0);
  return {
    ...{ min, max, num, sum, sumSquares },
    bucketLimit: kept.map((i) => LIMITS[i]),
    bucket: kept.map((i) => counts[i]),
  };
}
