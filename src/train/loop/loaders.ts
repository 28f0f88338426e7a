// The batches of a run, for training and for validation.
import { type CropSet, type FaceSource, Loader } from '../../data';
import type { Augmentation } from '../../data/augment';
import type { Profile } from '../profile/profile';
import type { TrainArgs } from '../settings/args';
import { FeatureSet, viewsOf } from './features';
import type { Learner } from './learner';
import type { RunData } from './run_data';

/** What is drawn for each training picture. */
export const augmentationOf = ({
  augment,
  rotation,
  random_erasing,
  color_jitter,
  mixup,
}: TrainArgs): Augmentation => ({
  rotation: augment ? rotation : null,
  random_erasing,
  color_jitter,
  mixup,
});

/** Batches of both sets: of pixels or, where the learner's network is frozen and they can be kept, of features, which is said. */
export function openLoaders(
  args: TrainArgs,
  data: Pick<RunData, 'train' | 'val'>,
  learner: Learner,
  notice: (line: string) => void,
  profile: Profile | null,
): { train: Loader; val: Loader } {
  const { batch_size: batchSize, seed, shuffle, sampler, limit } = args;
  const augment = augmentationOf(args);
  const { width } = learner.model;
  const sourceOf = (crops: CropSet, changed: Augmentation | null, what: string): FaceSource => {
    const faces = crops.samples.length;
    const views = viewsOf(args, changed, faces, width);
    if (views === null) {
      if (viewsOf(args, changed, 0, width))
        notice(`--freeze_backbone: features of ${faces} ${what} faces are too many to keep: each epoch computes them`);
      return crops;
    }
    const set = new FeatureSet(crops, learner, views, batchSize);
    const mib = (faces * set.bytes) / 2 ** 20;
    notice(`--freeze_backbone: features of ${faces} ${what} faces are computed once, and kept (${mib.toFixed(1)} MiB)`);
    return set;
  };
  const train = new Loader(sourceOf(data.train, augment, 'training'), {
    batchSize,
    seed,
    shuffle,
    sampler,
    augment,
    limit: limit ?? undefined,
    replace: true,
    onRead: profile ? (batch) => profile.until('loader', 'read faces', batch) : undefined,
  });
  const val = new Loader(sourceOf(data.val, null, 'validation'), { batchSize, seed, shuffle: false, augment: null });
  return { train, val };
}
