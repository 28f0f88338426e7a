// What is trained and validated on.
import { InputError } from '../../base/errors';
import { ownFolderClasses } from '../../data/annotations';
import type { Align } from '../../data/face';
import { areClassNames, classesOf, DATASETS, type Dataset, MAX_CLASSES, numberOfClasses } from '../../data/labels';
import { COLUMNS_EXPECTED, columnsOf } from '../../data/layouts/columns';
import {
  choice,
  type Kind,
  names,
  type OrNull,
  orNone,
  path,
  real,
  type Settings,
  text,
  toggle,
  whole,
} from './settings';

export interface DataArgs {
  /** Folder below which the annotation files' images are; null: they lie with the annotations. */
  image_dir: string | null;
  /** Annotations of the training samples, of any layout: a file or a folder. */
  data: string;
  /** Annotations of the validation samples; null: those in `data`, or a part of it, split off by `seed`. */
  val_data: string | null;
  /** Share of the samples that is split off for validation where there are no other. */
  val_fraction: number;
  /** Names of a CSV's columns, where they are not AffectNet's: see `columnsOf`. */
  columns: string | null;
  /** Level the faces by their eyes; else pictures are taken as they are. */
  align: Align;
  /** Column of the CSV, or `folder` (of the picture), whose values that split does not divide; null: it may divide all. */
  split_by: string | null;
  dataset: Dataset;
  /** Of the data set's own classes: 7, or 8 with AffectNet's contempt; null: they are others. */
  num_classes: number | null;
  /** Names of the classes that are told apart, in the order of the network's outputs. */
  classes: readonly string[];
  /** At most so many training rows an epoch; null: all. */
  limit: number | null;
  /** Largest fraction of bad rows and images that is passed over. */
  max_bad: number;
}

const ALIGN: Kind<Align> = {
  placeholder: 'on|off|open',
  expected: 'on, off or open',
  read: (value) => (value === 'open' ? value : toggle.read(value)),
};

const COLUMNS: Kind<string> = {
  placeholder: 'NAME=COLUMN,...',
  expected: COLUMNS_EXPECTED,
  read: (value) => {
    try {
      return typeof value === 'string' && columnsOf(value) ? value : undefined;
    } catch (error) {
      if (error instanceof InputError) return undefined;
      throw error;
    }
  },
};

export const DATA: Settings<OrNull<DataArgs, 'classes'>> = {
  image_dir: {
    kind: orNone(path('DIR', 'a folder')),
    default: null,
    help: "folder that the images' paths start from; needless where --data is a folder that holds them",
  },
  data: {
    kind: path('PATH', 'annotations'),
    help: "annotations: AffectNet's npy release (the folder of train_set and val_set), a folder of a folder a class, AffectNet's CSV, Aff-Wild2's annotation folder, or the original's pickle",
  },
  val_data: {
    kind: orNone(path('PATH', 'annotations')),
    default: null,
    help: 'validation annotations; default: those in --data, or a part of it is split off (--val_fraction)',
  },
  val_fraction: {
    kind: real(0, { excluded: true, most: 1 }),
    default: 0.1,
    help: 'share of --data that is split off for validation where there is no other',
  },
  columns: {
    kind: orNone(COLUMNS),
    default: null,
    help: "a CSV's own names of columns, as image=path,expression=label; the others are called as AffectNet's",
  },
  align: {
    kind: ALIGN,
    default: true,
    help:
      'on: level faces by the eyes, by their landmarks, as the original does, which sees nothing of a wide photograph beyond its height; ' +
      'open: all of it (what prepare faces writes); off: pictures as they are, only resized',
  },
  split_by: {
    kind: orNone(text('COLUMN|folder', 'a column of the CSV, or folder')),
    default: null,
    help: "a person, say, whose pictures that split keeps on one side: a column of the CSV, or folder (the picture's)",
  },
  dataset: { kind: choice(...DATASETS), default: 'affectnet', help: 'affectnet or affwild2' },
  num_classes: { kind: orNone(whole(7, 8)), default: 7, help: 'classes: 7, or 8 to keep contempt of AffectNet' },
  classes: {
    kind: orNone(
      names(
        2,
        MAX_CLASSES,
        'names, each another, none of them a number, valence or arousal: calm,bored',
        areClassNames,
      ),
    ),
    default: null,
    help: "other classes than the data set's own, in place of --num_classes: a label is a name or its place, from 0",
  },
  limit: { kind: orNone(whole(2)), default: null, help: 'at most so many training rows an epoch' },
  max_bad: {
    kind: real(0, { most: 1 }),
    default: 0.01,
    help: 'largest fraction of bad rows and images that is passed over',
  },
};

/** The names of class folders, where they are no data set's. @throws InputError where they cannot be those of classes */
function classesInFolders(data: string): readonly string[] | null {
  const names = ownFolderClasses(data);
  if (names === null || DATA.classes.kind.read(names)) return names;
  const found = names.slice(0, 10).join(', ') + (names.length > 10 ? `, … (${names.length})` : '');
  throw new InputError(
    `${data}: expected folders with ${DATA.classes.kind.expected}; found ${found}; say which with --classes`,
  );
}

/**
 * The classes that settings mean (without any, those that `data` has as folders), and which of the data set's own they are.
 * @param given what was given of them, before there were defaults
 * @throws InputError where both are given and differ, for a number that the data set has not, and for other classes than Aff-Wild2's
 */
export function readClasses(
  {
    data,
    dataset,
    num_classes,
    classes,
  }: OrNull<Pick<DataArgs, 'dataset' | 'num_classes' | 'classes'>, 'classes'> & { readonly data?: string },
  given: Readonly<Record<string, unknown>>,
): Pick<DataArgs, 'num_classes' | 'classes'> {
  const numbered = (given.num_classes ?? null) !== null;
  if (classes === null && !numbered && data !== undefined && dataset === 'affectnet') classes = classesInFolders(data);
  if (classes === null) {
    const number = num_classes ?? (DATA.num_classes.default as number);
    return { num_classes: number, classes: classesOf({ dataset, num_classes: number }) };
  }
  const number = numberOfClasses(dataset, classes);
  if (numbered && num_classes !== number)
    throw new InputError(
      `--classes ${classes} and --num_classes ${num_classes} both say what the classes are; give one of them`,
    );
  if (number === null && dataset !== 'affectnet')
    throw new InputError(`--classes ${classes}: --dataset ${dataset} has classes of its own; leave it out`);
  return { num_classes: number, classes };
}
