import { InputError } from '../../base/errors';
import { CLASS_WEIGHTS, type ClassWeights } from '../../data/samples';
import type { DataArgs } from './data';
import { choice, type OrNull, orNone, real, type Settings } from './settings';

export interface LossArgs {
  /** Weight of the valence/arousal loss. */
  lambda_multi: number;
  /** Weights of the classes in the cross entropy: AffectNet's constants, by the training set's counts, or none. */
  class_weights: ClassWeights;
  /** What all classes share of a training image's label, 0 to 1: PyTorch's. */
  label_smoothing: number;
}

export const LOSS: Settings<OrNull<LossArgs, 'class_weights'>> = {
  lambda_multi: { kind: real(0), default: 1, help: 'weight of the valence/arousal loss' },
  class_weights: {
    kind: orNone(choice(...CLASS_WEIGHTS)),
    default: null,
    help:
      "in the loss: affectnet (its constants), balanced (by this set's counts) or none; " +
      'default: affectnet for affectnet, none for affwild2, balanced with --classes',
  },
  label_smoothing: {
    kind: real(0, { most: 1 }),
    default: 0,
    help: "share of each training label that goes to all classes alike, such as 0.1, as PyTorch's cross_entropy",
  },
};

/** The original's weights of the classes; for classes of one's own by their counts, as it has AffectNet's. */
export const usualClassWeights = ({ dataset, num_classes }: Pick<DataArgs, 'dataset' | 'num_classes'>): ClassWeights =>
  num_classes === null ? 'balanced' : dataset === 'affectnet' ? 'affectnet' : 'none';

/** @throws InputError for AffectNet's weights on other data */
export function checkLoss({
  class_weights,
  dataset,
  num_classes,
}: Pick<LossArgs & DataArgs, 'class_weights' | 'dataset' | 'num_classes'>): void {
  if (class_weights !== 'affectnet' || (dataset === 'affectnet' && num_classes !== null)) return;
  const what = num_classes === null ? '--classes' : dataset;
  throw new InputError(`--class_weights expects balanced or none for ${what}, found "affectnet"`);
}
