// Whether a network is right as often as it says: Guo et al. 2017, On Calibration of Modern Neural Networks.

/** Samples whose confidence is above `from` and at most `to`. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  /** Mean of their confidences, and the fraction that was said right; null where there are none. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** Bins of equal width, as in the paper. */
export const BINS = 15;

/** The probability of the likeliest class of each row, by softmax: 1 / sum of exp(x - largest). @param logits N x `columns` */
export const confidences = (logits: ArrayLike<number>, columns: number): Float64Array =>
  softmaxAt(logits, columns, (scores) => Math.max(...scores));

/** The probability of the true class of each row, by softmax. @param logits N x `columns` @param labels N classes */
export const likelihoods = (logits: ArrayLike<number>, columns: number, labels: ArrayLike<number>): Float64Array =>
  softmaxAt(logits, columns, (scores, row) => scores[labels[row]]);

/** exp(x - largest) / sum of exp(x' - largest), of the score x that `which` chooses of each row. */
function softmaxAt(
  logits: ArrayLike<number>,
  columns: number,
  which: (scores: readonly number[], row: number) => number,
): Float64Array {
  return Float64Array.from({ length: logits.length / columns }, (_, row) => {
    const scores = Array.from({ length: columns }, (_, c) => logits[row * columns + c]);
    const most = Math.max(...scores);
    return Math.exp(which(scores, row) - most) / scores.reduce((sum, x) => sum + Math.exp(x - most), 0);
  });
}

/**
 * The reliability table of N predictions.
 * @param confidence N numbers above 0, at most 1
 * @param right whether each was said right
 */
export function reliability(confidence: ArrayLike<number>, right: (i: number) => boolean): ReliabilityBin[] {
  const bins = Array.from({ length: BINS }, () => ({ samples: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < confidence.length; i++) {
    const bin = bins[Math.min(BINS, Math.max(1, Math.ceil(confidence[i] * BINS))) - 1];
    bin.samples++;
    bin.confidence += confidence[i];
    if (right(i)) bin.right++;
  }
  return bins.map(({ samples, confidence, right }, m) => ({
    from: m / BINS,
    to: (m + 1) / BINS,
    samples,
    confidence: samples > 0 ? confidence / samples : null,
    accuracy: samples > 0 ? right / samples : null,
  }));
}

/** Expected calibration error: the mean over samples of |accuracy - confidence| of their bin; null for no samples. */
export function calibrationError(bins: readonly ReliabilityBin[]): number | null {
  const samples = bins.reduce((n, bin) => n + bin.samples, 0);
  if (samples === 0) return null;
  return (
    bins.reduce((sum, bin) => sum + bin.samples * Math.abs((bin.accuracy ?? 0) - (bin.confidence ?? 0)), 0) / samples
  );
}
