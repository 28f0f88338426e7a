// Figures of merit, in double precision on the CPU. Pure functions of labels and predictions.
import { calibrationError, type ReliabilityBin, reliability } from './calibration';

/** How well one class is recognised. A ratio 0/0 is 0, as scikit-learn's `zero_division=0`. */
export interface ClassScores {
  /** Of the samples said to be of this class, the fraction that are. */
  precision: number;
  /** Of the samples of this class, the fraction that are found. */
  recall: number;
  /** Harmonic mean of the two. */
  f1: number;
  /** Samples of this class. */
  support: number;
}

/** Everything that is reported about one set of predictions. `null` where the model has no such output, or one sample has no such figure. */
export interface Metrics {
  samples: number;
  accuracy: number;
  macro_f1: number;
  ccc_valence: number | null;
  ccc_arousal: number | null;
  rmse_valence: number | null;
  rmse_arousal: number | null;
  pearson_valence: number | null;
  pearson_arousal: number | null;
  /** Fraction of the samples whose predicted sign is the true one. */
  sagr_valence: number | null;
  sagr_arousal: number | null;
  /** Expected calibration error: see `calibrationError`; null where confidences are not known. */
  ece: number | null;
  /** Aff-Wild2's challenge (ABAW, FG 2020): 0.67 macro F1 + 0.33 accuracy, and the mean CCC of valence and arousal. */
  challenge_expression: number;
  challenge_va: number | null;
  /** Names of the classes, in the order of `confusion`. */
  classes: string[];
  per_class: Record<string, ClassScores>;
  /** `confusion[t][p]`: samples of class t that were said to be p. */
  confusion: number[][];
  /** Of the confidences; absent where they are not known. */
  reliability?: ReliabilityBin[];
  /** Classes of which the network was shown nothing; absent: none. */
  untrained?: string[];
}

/** Labels and predictions of N samples. */
export interface Predictions {
  /** Names of the K classes. */
  classes: readonly string[];
  /** N true classes. */
  labels: ArrayLike<number>;
  /** N predicted classes. */
  predicted: ArrayLike<number>;
  /** N x 2 true and predicted valence and arousal, row-major; absent where the model has none. */
  va?: { truth: ArrayLike<number>; predicted: ArrayLike<number> };
  /** N probabilities of the predicted classes; absent where they are not known. */
  confidence?: ArrayLike<number>;
  /** Classes of which the network was shown nothing: see `macroF1`. */
  untrained?: readonly string[];
}

/**
 * All metrics of a set of predictions.
 * @example
 * computeMetrics({ classes: ['calm', 'bored'], labels: [0, 0, 1], predicted: [0, 1, 1] }).macro_f1; // 0.6667
 */
export function computeMetrics({ classes, labels, predicted, va, confidence, untrained = [] }: Predictions): Metrics {
  const confusion = confusionMatrix(labels, predicted, classes.length);
  const scores = classScores(confusion);
  const column = (values: ArrayLike<number>, c: number) =>
    Float64Array.from({ length: labels.length }, (_, i) => values[2 * i + c]);
  const rate = (score: typeof ccc, c: number, least = 1) =>
    va && labels.length >= least ? score(column(va.truth, c), column(va.predicted, c)) : null;
  const places = untrained.map((name) => classes.indexOf(name));
  const overall = { accuracy: accuracy(confusion), macro_f1: macroF1(confusion, places) };
  const bins = confidence && reliability(confidence, (i) => predicted[i] === labels[i]);
  const [valence, arousal] = [rate(ccc, 0, 2), rate(ccc, 1, 2)];
  return {
    samples: labels.length,
    ...overall,
    ccc_valence: valence,
    ccc_arousal: arousal,
    rmse_valence: rate(rmse, 0),
    rmse_arousal: rate(rmse, 1),
    pearson_valence: rate(pearson, 0, 2),
    pearson_arousal: rate(pearson, 1, 2),
    sagr_valence: rate(signAgreement, 0),
    sagr_arousal: rate(signAgreement, 1),
    ece: bins ? calibrationError(bins) : null,
    challenge_expression: 0.67 * overall.macro_f1 + 0.33 * overall.accuracy,
    challenge_va: valence === null || arousal === null ? null : (valence + arousal) / 2,
    classes: [...classes],
    per_class: Object.fromEntries(classes.map((name, c) => [name, scores[c]])),
    confusion,
    ...(bins && { reliability: bins }),
    ...(untrained.length > 0 && { untrained: [...untrained] }),
  };
}

/**
 * The place of the largest value in each row, the first one on a tie. NaN never wins; a row of NaN gives 0.
 * @param values rows of `stride` numbers, of which the first `columns` are looked at
 */
export function argmaxRows(values: ArrayLike<number>, columns: number, stride = columns): Uint32Array {
  return Uint32Array.from({ length: Math.floor(values.length / stride) }, (_, row) => {
    let best = 0;
    for (let c = 1; c < columns; c++) {
      const [a, b] = [values[row * stride + best], values[row * stride + c]];
      if (b > a || (Number.isNaN(a) && !Number.isNaN(b))) best = c;
    }
    return best;
  });
}

/**
 * Counts by true class (row) and predicted class (column), K x K. @throws RangeError for a class outside 0 .. K-1
 * @example
 * confusionMatrix([0, 0, 1], [0, 1, 1], 2); // [[1, 1], [0, 1]]
 */
export function confusionMatrix(labels: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number[][] {
  if (labels.length !== predicted.length) {
    throw new RangeError(`expected as many predictions as labels (${labels.length}), found ${predicted.length}`);
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    if (!(labels[i] in matrix) || !(predicted[i] in matrix)) {
      throw new RangeError(`sample ${i}: expected classes 0 to ${classes - 1}, found ${labels[i]}, ${predicted[i]}`);
    }
    matrix[labels[i]][predicted[i]]++;
  }
  return matrix;
}

/**
 * Precision, recall, F1 and support of each class of a confusion matrix.
 * @example
 * classScores([[1, 1], [0, 1]]).map((s) => s.recall); // [0.5, 1]
 */
export function classScores(confusion: readonly (readonly number[])[]): ClassScores[] {
  return confusion.map((row, c) => {
    const hits = row[c];
    const support = sum(row);
    const said = sum(confusion.map((r) => r[c]));
    return {
      precision: ratio(hits, said),
      recall: ratio(hits, support),
      f1: ratio(2 * hits, said + support),
      support,
    };
  });
}

/**
 * The fraction of samples on the diagonal; 0 if there are none.
 * @example
 * accuracy([[1, 1], [0, 1]]); // 0.6667
 */
export function accuracy(confusion: readonly (readonly number[])[]): number {
  return ratio(sum(confusion.map((row, c) => row[c])), sum(confusion.map(sum)));
}

/**
 * Unweighted mean of the classes' F1, over the classes that occur among the labels or the predictions: scikit-learn's
 * `f1_score(labels, predicted, average='macro', zero_division=0)`.
 * @param untrained classes that are left out unless they occur among the labels
 * @example
 * macroF1([[1, 1], [0, 1]]); // 0.6667
 */
export function macroF1(confusion: readonly (readonly number[])[], untrained: readonly number[] = []): number {
  const said = (c: number): number => (untrained.includes(c) ? 0 : sum(confusion.map((r) => r[c])));
  const present = confusion.map((row, c) => sum(row) + said(c) > 0);
  const scores = classScores(confusion).filter((_, c) => present[c]);
  return ratio(sum(scores.map((s) => s.f1)), scores.length);
}

/**
 * Concordance correlation coefficient (Lin 1989) as the original program computes it: the covariance divided by N, the
 * variances by N - 1, so that a perfect prediction of N samples gives (N - 1) / N.
 *
 *     2 cov / (var_t + var_p + (mean_t - mean_p)^2)
 *
 * NaN for fewer than two samples, and where both are the same constant.
 */
export function ccc(truth: ArrayLike<number>, predicted: ArrayLike<number>): number {
  const n = truth.length;
  const { mt, mp, tt, pp, tp } = moments(truth, predicted);
  return (2 * tp) / n / (tt / (n - 1) + pp / (n - 1) + (mt - mp) ** 2);
}

/** Pearson's correlation; NaN where either is constant. */
export function pearson(truth: ArrayLike<number>, predicted: ArrayLike<number>): number {
  const { tt, pp, tp } = moments(truth, predicted);
  return tp / Math.sqrt(tt * pp);
}

/** The fraction of samples whose sign is right (0 has a sign of its own); NaN for no samples. */
export const signAgreement = (truth: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  mean(Float64Array.from({ length: truth.length }, (_, i) => Number(Math.sign(truth[i]) === Math.sign(predicted[i]))));

/** Means, and sums of squared and of multiplied deviations. */
function moments(truth: ArrayLike<number>, predicted: ArrayLike<number>) {
  const [mt, mp] = [mean(truth), mean(predicted)];
  let [tt, pp, tp] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    const [t, p] = [truth[i] - mt, predicted[i] - mp];
    tt += t * t;
    pp += p * p;
    tp += t * p;
  }
  return { mt, mp, tt, pp, tp };
}

/**
 * Root of the mean squared difference; NaN for no samples.
 * @example
 * rmse([0, 1], [0, 3]); // 1.4142
 */
export function rmse(truth: ArrayLike<number>, predicted: ArrayLike<number>): number {
  return Math.sqrt(mean(Float64Array.from({ length: truth.length }, (_, i) => (truth[i] - predicted[i]) ** 2)));
}

const mean = (values: ArrayLike<number>): number => sum(values) / values.length;
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}
