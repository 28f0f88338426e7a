// Which epoch is the best so far, by what `--best` says.

export const BEST_BY = ['accuracy', 'loss', 'ccc'] as const;
export type BestBy = (typeof BEST_BY)[number];

/** What an epoch's validation gave. */
export interface EpochScores {
  /** From 0. */
  readonly epoch: number;
  readonly accuracy: number;
  /** null where validation is of one sample of a model with valence and arousal. */
  readonly loss: number | null;
  /** Mean CCC of valence and arousal; null where the model has none, or it is 0/0. */
  readonly ccc: number | null;
}

/**
 * Whether `a` is better than `b`: by the higher accuracy, and of equals the lower loss; by the lower loss; by the higher CCC. What there
 * is beats what there is not.
 */
export function isBetter(by: BestBy, a: EpochScores, b: EpochScores): boolean {
  if (by === 'ccc') return higher(a.ccc, b.ccc);
  if (by === 'accuracy' && a.accuracy !== b.accuracy) return a.accuracy > b.accuracy;
  return higher(a.loss && -a.loss, b.loss && -b.loss);
}

const higher = (a: number | null, b: number | null): boolean => a !== null && (b === null || a > b);
