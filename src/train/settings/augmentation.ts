// The order of the training images, and what is done to them at random.
import { InputError } from '../../base/errors';
import { SAMPLERS, type Sampler } from '../../data/loader';
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
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'of initial weights, order, augmentation and split' },
};

/** @throws InputError for a sampler that cannot keep the order */
export function checkAugmentation({ sampler, shuffle }: AugmentationArgs): void {
  if (sampler === 'balanced' && !shuffle) {
    throw new InputError('--sampler balanced draws at random: it expects --shuffle on, found off');
  }
}
