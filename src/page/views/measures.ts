// What a run's metrics and predictions say, as far as they can be read: files of older runs lack some, and damaged ones lie.
import type { PagePredictions, PageRun } from '../protocol';

/** Whether a value is K lists of K numbers. */
const isSquare = (value: unknown, k: number): value is number[][] =>
  Array.isArray(value) &&
  value.length === k &&
  value.every((row) => Array.isArray(row) && row.length === k && row.every((x) => Number.isFinite(x) && x >= 0));

/** Samples by true class (row) and predicted class (column), out of the metrics, or else counted; null: not known. */
export function confusionOf({ metrics, classes, predictions }: PageRun): number[][] | null {
  const k = classes.length;
  if (k === 0) return null;
  if (isSquare(metrics?.confusion, k)) return metrics.confusion;
  if (!predictions || predictions.expression.length === 0) return null;
  const counts = classes.map(() => new Array<number>(k).fill(0));
  for (const [i, truth] of predictions.expression.entries())
    if (truth in counts && predictions.predicted[i] in counts) counts[truth][predictions.predicted[i]]++;
  return counts;
}

/** How well a class is recognised; a ratio 0/0 is null. */
export interface Recognition {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  readonly support: number;
}

/** Of each class of a confusion matrix. */
export function recognitions(confusion: readonly (readonly number[])[]): Recognition[] {
  const ratio = (a: number, b: number): number | null => (b === 0 ? null : a / b);
  return confusion.map((row, c) => {
    const support = total(row);
    const said = total(confusion.map((r) => r[c]));
    return {
      precision: ratio(row[c], said),
      recall: ratio(row[c], support),
      f1: ratio(2 * row[c], said + support),
      support,
    };
  });
}

export const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A figure of metrics.json; null: not there, or no number. */
export function figureOf({ metrics }: PageRun, name: string): number | null {
  const value = metrics?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Predictions whose confidence is above `from` and at most `to`. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** The reliability table of the metrics; null: there is none. */
export function reliabilityOf({ metrics }: PageRun): Bin[] | null {
  const bins = metrics?.reliability;
  if (!Array.isArray(bins) || bins.length === 0) return null;
  const number = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x);
  const fine = bins.every(
    (bin) =>
      bin !== null &&
      typeof bin === 'object' &&
      number(bin.from) &&
      number(bin.to) &&
      number(bin.samples) &&
      (bin.accuracy === null || number(bin.accuracy)) &&
      (bin.confidence === null || number(bin.confidence)),
  );
  return fine && bins.some((bin) => bin.samples > 0) ? (bins as Bin[]) : null;
}

/** The order in which the gallery shows predictions. */
export type Order = 'mistakes' | 'unsure' | 'sure';

/** What the gallery is asked for; null: any. */
export interface GalleryRequest {
  readonly order: Order;
  readonly truth: number | null;
  readonly said: number | null;
}

/**
 * Rows of predictions: `mistakes` those that are wrong, the surest first; `unsure` all, the least sure first; `sure` all, the surest
 * first. Equals, and all where confidences are not known, in the file's order.
 */
export function pick(
  { expression, predicted, confidence }: PagePredictions,
  { order, truth, said }: GalleryRequest,
): Uint32Array {
  const all = new Uint32Array(expression.length);
  let n = 0;
  for (let i = 0; i < expression.length; i++)
    if (
      (truth === null || expression[i] === truth) &&
      (said === null || predicted[i] === said) &&
      (order !== 'mistakes' || expression[i] !== predicted[i])
    )
      all[n++] = i;
  const rows = all.subarray(0, n);
  if (!confidence) return rows;
  // Confidence and place as one number each: sorting numbers by themselves is ten times as quick as by a function. 2^30 steps of
  // confidence and 2^22 places are whole in a double.
  const keys = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const sure = Math.round(Math.max(0, Math.min(1, confidence[rows[i]] || 0)) * 2 ** 30);
    keys[i] = (order === 'unsure' ? sure : 2 ** 30 - sure) * 2 ** 22 + rows[i];
  }
  keys.sort();
  for (let i = 0; i < n; i++) rows[i] = keys[i] % 2 ** 22;
  return rows;
}
