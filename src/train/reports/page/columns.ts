// steps.csv in columns, as the page has it.
import type { Figure, PageSteps } from '../../../page/protocol';
import type { StepRow } from '../../run/steps';

const NAMES = ['step', 'epoch', 'loss', 'cat', 'cont', 'accuracy', 'lr'] as const;
type Columns = { [K in keyof PageSteps]: Figure[] };

/** A number as JSON has it: null where it is not finite. */
export const figure = (value: number | null): Figure => (Number.isFinite(value) ? value : null);

const map = (column: (name: keyof PageSteps) => Figure[]): PageSteps =>
  Object.fromEntries(NAMES.map((name) => [name, column(name)])) as Columns as PageSteps;

export const columnsOf = (rows: readonly StepRow[]): PageSteps => map((name) => rows.map((row) => figure(row[name])));

/** The rows from place `from` on. */
export const stepsFrom = (steps: PageSteps, from: number): PageSteps => map((name) => steps[name].slice(from));

/** The rows at these places. */
export const stepsAt = (steps: PageSteps, places: readonly number[]): PageSteps =>
  map((name) => places.map((place) => steps[name][place]));

/** The first `length` rows of a, then those of b. */
export const joined = (a: PageSteps, length: number, b: PageSteps): PageSteps =>
  map((name) => [...a[name].slice(0, length), ...b[name]]);

/** How many rows at their beginnings are the same. */
export function sameRows(a: PageSteps, b: PageSteps): number {
  const least = Math.min(a.step.length, b.step.length);
  for (let i = 0; i < least; i++) if (NAMES.some((name) => a[name][i] !== b[name][i])) return i;
  return least;
}

/**
 * At most `most` (from 4) rows of many: equal runs of them leave those with their least and largest loss, so that a curve has the same
 * outline, and the first and the last stay.
 */
export function thinned(steps: PageSteps, most: number): PageSteps {
  const n = steps.step.length;
  if (n <= most) return steps;
  const buckets = Math.floor((most - 2) / 2);
  const kept = new Set([0, n - 1]);
  for (let b = 0; b < buckets; b++) {
    const [from, to] = [b, b + 1].map((at) => 1 + Math.floor((at * (n - 2)) / buckets));
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      const loss = steps.loss[i];
      if (loss === null) continue;
      if (!(loss >= (steps.loss[low] ?? Number.POSITIVE_INFINITY))) low = i;
      if (!(loss <= (steps.loss[high] ?? Number.NEGATIVE_INFINITY))) high = i;
    }
    kept.add(low).add(high);
  }
  return stepsAt(
    steps,
    [...kept].sort((a, b) => a - b),
  );
}
