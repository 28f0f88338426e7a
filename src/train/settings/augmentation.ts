// The order of the training images, and what is done to them at random.
import { InputError } from '../../base/errors';
import { SAMPLERS, type Sampler } from '../../data/loader';
import type { OptimizationArgs } from './optimization';
import { choice, real, type Settings, toggle, whole } from './settings';

export interface AugmentationArgs {
  /** Another order of the training images in every epoch. */
  shuffle: boolean;
  /** natural: every training image once an epoch; balanced: as many of every class. */
  sampler: Sampler;
  /** Random flip and rotation of the training images. */
  augment: boolean;
  /** Largest angle of that rotation, either way, in degrees. */
  rotation: number;
  /** Share of the training images that lose a box: torchvision's RandomErasing. */
  random_erasing: number;
  /** How far brightness, contrast and saturation of the training images go from 1. */
  color_jitter: number;
  /** Parameter of the Beta distribution by which training images are mixed in pairs; 0: they are not. */
  mixup: number;
  /** Of initial weights, order, augmentation, split. */
  seed: number;
}

export const AUGMENTATION: Settings<AugmentationArgs> = {
  shuffle: { kind: toggle, default: true, help: 'take the training images in another order in every epoch' },
  sampler: {
    kind: choice(...SAMPLERS),
    default: 'natural',
    help: 'natural (every training image once an epoch) or balanced (as many of every class)',
  },
  augment: { kind: toggle, default: true, help: 'flip and rotate the training images at random' },
  rotation: { kind: real(0, { most: 180 }), default: 30, help: 'largest rotation of --augment either way, in degrees' },
  random_erasing: {
    kind: real(0, { most: 1 }),
    default: 0,
    help: 'share of the training images in which a box is erased, such as 0.25',
  },
  color_jitter: {
    kind: real(0, { most: 1 }),
    default: 0,
    help: 'how far brightness, contrast and saturation of the training images are moved either way, such as 0.4',
  },
  mixup: {
    kind: real(0),
    default: 0,
    help: 'mix training images in pairs, by shares drawn from Beta(X, X), such as 0.2; 0: not',
  },
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'of initial weights, order, augmentation and split' },
};

/** @throws InputError for a sampler that cannot keep the order, and for pairs in batches of one image */
export function checkAugmentation({
  sampler,
  shuffle,
  mixup,
  batch_size,
}: AugmentationArgs & Pick<OptimizationArgs, 'batch_size'>): void {
  if (mixup > 0 && batch_size === 1) {
    throw new InputError(`--mixup ${mixup} mixes the images of a batch: it expects --batch_size of 2 or more, found 1`);
  }
  if (sampler === 'balanced' && !shuffle) {
    throw new InputError('--sampler balanced draws at random: it expects --shuffle on, found off');
  }
}
