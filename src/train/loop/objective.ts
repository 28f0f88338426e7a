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

/** What a batch is held to. */
export interface Truth {
  /** u32 [N]. */
  readonly labels: Tensor;
  /** [N, 2]; of mixed pictures mixed alike. */
  readonly va: Tensor;
  /** Of pictures that are mixed with others, in parts of `share` and `rest`, each [1]: the others' labels, u32 [N]. */
  readonly mix: { readonly labels: Tensor; readonly share: Tensor; readonly rest: Tensor } | null;
}

/** How the losses of a batch are made. */
export interface Objective {
  /** [C], one a class. */
  readonly weight: Tensor;
  /** Of the valence/arousal loss. */
  readonly lambda: number;
  readonly labelSmoothing: number;
}

/** Cross entropy of the classes; of mixed pictures share * that of their labels + rest * that of the others' (Zhang et al. 2018). */
export function categorical(
  logits: Tensor,
  { labels, mix }: Omit<Truth, 'va'>,
  { weight, labelSmoothing }: { weight: Tensor | null; labelSmoothing: number },
): Tensor {
  const towards = (y: Tensor): Tensor => crossEntropy(logits, y, weight, labelSmoothing);
  return mix ? add(mul(towards(labels), mix.share), mul(towards(mix.labels), mix.rest)) : towards(labels);
}

/**
 * total = cat + lambda * cont: weighted cross entropy of the classes, and 1 - the mean CCC of valence and arousal
 * (Antoniadis, Filntisis, Maragos, FG 2021). Lambda 1 is the original's sum.
 */
export function losses({ logits, va }: Prediction, truth: Truth, objective: Objective): Losses {
  const { lambda } = objective;
  const cat = categorical(logits, truth, objective);
  if (!va) return { total: cat, cat, cont: null };
  if (va.shape[0] < 2) return { total: null, cat, cont: null };
  const cont = cccLoss(va, truth.va);
  return { total: add(cat, lambda === 1 ? cont : mul(cont, lambda)), cat, cont };
}
