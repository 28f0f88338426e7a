// What is trained and validated on.
import { classesOf, DATASETS, type Dataset } from '../../data/labels';
import { choice, orNone, path, real, type Settings, whole } from './settings';

export interface DataArgs {
  /** Folder below which the annotation files' images are. */
  image_dir: string;
  /** Annotations of the training samples: a file, or Aff-Wild2's folder. */
  data: string;
  /** Annotations of the validation samples; null: those in `data`, or a part of it, split off by `seed`. */
  val_data: string | null;
  /** Share of the samples that is split off for validation where there are no other. */
  val_fraction: number;
  dataset: Dataset;
  /** Classes that are told apart: 7, or 8 with AffectNet's contempt. */
  num_classes: number;
  /** At most so many training rows an epoch; null: all. */
  limit: number | null;
  /** Largest fraction of bad rows and images that is passed over. */
  max_bad: number;
}

export const DATA: Settings<DataArgs> = {
  image_dir: { kind: path('DIR', 'a folder'), help: "folder that the images' paths start from" },
  data: {
    kind: path('FILE', 'an annotation file'),
    help: "annotations: AffectNet's CSV, Aff-Wild2's annotation folder, or the original's pickle of either",
  },
  val_data: {
    kind: orNone(path('FILE', 'an annotation file')),
    default: null,
    help: 'validation annotations; default: those in --data, or a part of it is split off (--val_fraction)',
  },
  val_fraction: {
    kind: real(0, { excluded: true, most: 1 }),
    default: 0.1,
    help: 'share of --data that is split off for validation where there is no other',
  },
  dataset: { kind: choice(...DATASETS), default: 'affectnet', help: 'affectnet or affwild2' },
  num_classes: { kind: whole(7, 8), default: 7, help: 'classes: 7, or 8 to keep contempt of AffectNet' },
  limit: { kind: orNone(whole(2)), default: null, help: 'at most so many training rows an epoch' },
  max_bad: {
    kind: real(0, { most: 1 }),
    default: 0.01,
    help: 'largest fraction of bad rows and images that is passed over',
  },
};

/** @throws InputError for a number of classes that the data set has not */
export function checkData(args: Pick<DataArgs, 'dataset' | 'num_classes'>): void {
  classesOf(args);
}
