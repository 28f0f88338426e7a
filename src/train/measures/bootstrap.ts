import { randomBits, randomStream } from '../../base/random';
import { computeMetrics, type Metrics, type Predictions } from './metrics';

/** 95 % intervals [low, high] of every figure among the metrics that is one number. */
export type Intervals = Record<string, [number, number]>;

const RESAMPLES = 1000;

/**
 * Percentile bootstrap (Efron 1979): the metrics of 1,000 sets of as many samples, drawn with replacement; between which
 * values 95 % of them lie. The draws are the same every time. Figures that a model lacks, or that are NaN in a resample, have none.
 */
export function bootstrap(predictions: Predictions): Intervals {
  const { confidence, labels, predicted, va } = predictions;
  const n = labels.length;
  const stream = randomStream('bootstrap', 0);
  const figures = new Map<string, number[]>();
  for (let r = 0; r < RESAMPLES; r++) {
    const drawn = Uint32Array.from({ length: n }, (_, i) => Math.floor((randomBits(stream, r * n + i) / 2 ** 32) * n));
    const pick = (from: ArrayLike<number>) => Float64Array.from(drawn, (i) => from[i]);
    const pairs = (from: ArrayLike<number>) =>
      Float64Array.from({ length: 2 * n }, (_, i) => from[2 * drawn[i >> 1] + (i & 1)]);
    const metrics = computeMetrics({
      classes: predictions.classes,
      untrained: predictions.untrained,
      labels: pick(labels),
      predicted: pick(predicted),
      confidence: confidence && pick(confidence),
      va: va && { truth: pairs(va.truth), predicted: pairs(va.predicted) },
    });
    for (const [name, value] of figuresOf(metrics)) {
      if (!figures.has(name)) figures.set(name, []);
      figures.get(name)?.push(value ?? Number.NaN);
    }
  }
  const intervals: Intervals = {};
  for (const [name, values] of figures) {
    if (values.some(Number.isNaN)) continue;
    const sorted = Float64Array.from(values).sort();
    intervals[name] = [sorted[Math.floor(0.025 * RESAMPLES)], sorted[Math.ceil(0.975 * RESAMPLES) - 1]];
  }
  return intervals;
}

/** The metrics that are one number (or null), by name; recalls as `recall_CLASS`. */
export function figuresOf(metrics: Metrics): [string, number | null][] {
  const single = Object.entries(metrics).filter(
    (entry): entry is [string, number | null] =>
      (typeof entry[1] === 'number' || entry[1] === null) && entry[0] !== 'samples',
  );
  const recalls = metrics.classes.map((name): [string, number] => [`recall_${name}`, metrics.per_class[name].recall]);
  return [...single, ...recalls];
}
