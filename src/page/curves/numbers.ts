// What is computed of long columns before they are drawn: which part is seen, which points of it make a difference, and what is smooth.

/** Places of `x` (rising) in [low, high], and one more on either side: a line comes in from there. End excluded. */
export function visible(x: Float64Array, low: number, high: number): [from: number, to: number] {
  const from = firstAtLeast(x, low);
  let to = firstAtLeast(x, high);
  while (to < x.length && x[to] <= high) to++;
  return [Math.max(0, from - 1), Math.min(x.length, to + 1)];
}

/** The first place of `x` (rising) whose number is at least `least`; the length, where there is none. */
export function firstAtLeast(x: Float64Array, least: number): number {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of `x` (rising) that is nearest to `value`; -1: there is none. */
export function nearest(x: Float64Array, value: number): number {
  const at = firstAtLeast(x, value);
  if (at === x.length) return at - 1;
  return at > 0 && value - x[at - 1] < x[at] - value ? at - 1 : at;
}

/**
 * Places of a line that are enough to draw it: of all points that fall into one of `columns` equal columns of [low, high] the first, the
 * lowest, the highest and the last, which paint the same pixels as all of them do (M4; Jugel et al. 2014). A column without a number
 * gives a place without one, which breaks the line.
 * @param x rising
 * @param from the first place, `to` the one behind the last
 */
export function thin(
  x: Float64Array,
  y: Float64Array,
  [from, to]: readonly [number, number],
  [low, high]: readonly [number, number],
  columns: number,
): number[] {
  const kept: number[] = [];
  if (to - from <= 4 * columns) {
    for (let i = from; i < to; i++) kept.push(i);
    return kept;
  }
  const column = (i: number): number => Math.floor(((x[i] - low) * columns) / (high - low));
  const keep = (place: number): void => {
    if (place !== kept[kept.length - 1]) kept.push(place);
  };
  for (let i = from; i < to; ) {
    const here = column(i);
    let [first, last, lowest, highest] = [-1, -1, -1, -1];
    const start = i;
    for (; i < to && column(i) === here; i++) {
      if (Number.isNaN(y[i])) continue;
      if (first < 0) first = lowest = highest = i;
      last = i;
      if (y[i] < y[lowest]) lowest = i;
      if (y[i] > y[highest]) highest = i;
    }
    if (first < 0) keep(start);
    else {
      keep(first);
      keep(Math.min(lowest, highest));
      keep(Math.max(lowest, highest));
      keep(last);
    }
  }
  return kept;
}

/** Lowest and highest number of places [from, to) of `y` above `floor`; null: there is none. */
export function extent(
  y: Float64Array,
  [from, to]: readonly [number, number],
  floor = Number.NEGATIVE_INFINITY,
): [lowest: number, highest: number] | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = from; i < to; i++) {
    const value = y[i];
    if (value > floor) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/**
 * An exponential average of a growing column, without the bias towards 0 that its start has: as TensorBoard smooths. What is no number
 * stays none and is left out of the average.
 */
export class Smoothed {
  private values = new Float64Array(0);
  private length = 0;
  /** The average so far. */
  private sum = 0;
  /** The weight that its start, 0, still has. */
  private start = 1;

  /** @param weight of what was before, in [0, 1): 0 smooths nothing */
  constructor(private readonly weight: number) {}

  /** The averages of `y`, whose first places are those of the call before. */
  of(y: Float64Array): Float64Array {
    if (this.values.length < y.length) {
      const wider = new Float64Array(2 * y.length);
      wider.set(this.values.subarray(0, this.length));
      this.values = wider;
    }
    for (let i = this.length; i < y.length; i++) {
      if (Number.isFinite(y[i])) {
        this.sum = this.weight * this.sum + (1 - this.weight) * y[i];
        this.start *= this.weight;
        this.values[i] = this.sum / (1 - this.start);
      } else this.values[i] = Number.NaN;
    }
    this.length = y.length;
    return this.values.subarray(0, y.length);
  }
}
