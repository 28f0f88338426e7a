// What a loss under a rising learning rate says of the rate to train with.

/** A step of the optimizer with a rate, and the loss before it. */
export interface RateStep {
  readonly lr: number;
  readonly loss: number;
}

export interface RateRange {
  /** Losses as they were, and smoothed. */
  readonly steps: readonly (RateStep & { readonly smoothed: number })[];
  /** The rate where the smoothed loss falls steepest, before it is lowest; null: it falls nowhere. */
  readonly steepest: number | null;
  /** The rate where it is lowest before it rises, of which the usual rule takes a tenth; null: it falls nowhere. */
  readonly lowest: number | null;
}

/** Steps that a loss is smoothed over, as a standard deviation. */
const WIDTH = 4;
/** A loss of so many times the lowest before it has diverged: fastai's and Lightning's limit. */
const DIVERGED = 4;
/** Where the smoothed loss is so many times the lowest before it, what comes after tells of no safe rate. */
const RISEN = 1.5;
/** What stays of the mean of past losses that this is judged by. */
const STAYS = 0.9;

/**
 * The range test of Smith (2017): rates rise by a factor from step to step; where the loss falls steepest the rate is large enough to
 * learn, and safe. A mean of past losses would find that place some steps late, and so a rate too high: losses are smoothed to both
 * sides instead, by a Gaussian over the steps.
 */
export function rateRange(steps: readonly RateStep[]): RateRange {
  const smoothed = steps.map((_, i) => {
    let [sum, weights] = [0, 0];
    for (const [j, { loss }] of steps.entries()) {
      const weight = Math.exp(-((i - j) ** 2) / (2 * WIDTH ** 2));
      sum += weight * loss;
      weights += weight;
    }
    return sum / weights;
  });
  let lowest = 0;
  for (let i = 0; i < smoothed.length && smoothed[i] <= RISEN * smoothed[lowest]; i++)
    if (smoothed[i] < smoothed[lowest]) lowest = i;
  let steepest = -1;
  for (let i = 1; i < lowest; i++) if (steepest < 0 || slope(smoothed, i) < slope(smoothed, steepest)) steepest = i;
  const falls = steepest > 0 && slope(smoothed, steepest) < 0;
  return {
    steps: steps.map((step, i) => ({ ...step, smoothed: smoothed[i] })),
    steepest: falls ? steps[steepest].lr : null,
    lowest: falls ? steps[lowest].lr : null,
  };
}

const slope = (values: readonly number[], i: number): number => values[i + 1] - values[i - 1];

/** Whether the last of these losses have diverged: nothing is to be learnt from higher rates. */
export function hasDiverged(losses: readonly number[]): boolean {
  let [mean, share, best] = [0, 1, Number.POSITIVE_INFINITY];
  for (const loss of losses) {
    mean = STAYS * mean + (1 - STAYS) * loss;
    share *= STAYS;
    best = Math.min(best, mean / (1 - share));
  }
  return mean / (1 - share) > DIVERGED * best;
}
