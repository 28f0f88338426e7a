import { add, cccLoss, crossEntropy, mul, type Tensor } from '../../autograd';
import type { Prediction } from '../../models';

/** The losses of one batch, each [1]. */
export interface Losses {
  /** null where `cont` is missing from it: of one sample. */
  readonly total: Tensor | null;
  readonly cat: Tensor;
  /** null where the model has no valence and arousal, or the batch one sample, which has no CCC. */
  readonly cont: Tensor | null;
}

/**
 * total = cat + lambda * cont: weighted cross entropy of the classes, and 1 - the mean CCC of valence and arousal
 * (Antoniadis, Filntisis, Maragos, FG 2021). Lambda 1 is the original's sum.
 * @param labels u32 [N]; @param va [N, 2]; @param weight [C], one a class
 */
export function losses(
  { logits, va }: Prediction,
  labels: Tensor,
  truth: Tensor,
  weight: Tensor,
  lambda: number,
): Losses {
  const cat = crossEntropy(logits, labels, weight);
  if (!va) return { total: cat, cat, cont: null };
  if (va.shape[0] < 2) return { total: null, cat, cont: null };
  const cont = cccLoss(va, truth);
  return { total: add(cat, lambda === 1 ? cont : mul(cont, lambda)), cat, cont };
}
