// The classes of the data sets. An `expression` is a place in its data set's list; so are a network's outputs.

import { CLASSES, nodesOf } from '../base/emotions';
import { InputError } from '../base/errors';

export { areClassNames, CLASSES, MAX_CLASSES, nodesOf } from '../base/emotions';

export const DATASETS = ['affectnet', 'affwild2'] as const;
export type Dataset = (typeof DATASETS)[number];

/** AffectNet's eight: with contempt, its label 7, which the original leaves out. */
export const EIGHT_CLASSES = [...CLASSES, 'Contempt'] as const;

/** Aff-Wild2's seven, in the order of its files. */
export const AFFWILD2_CLASSES = ['Neutral', 'Anger', 'Disgust', 'Fear', 'Happiness', 'Sadness', 'Surprise'] as const;

/**
 * The classes of a data set.
 * @throws InputError: Aff-Wild2 has seven classes, AffectNet seven or eight
 * @example
 * classesOf({ dataset: 'affectnet', num_classes: 8 }).at(-1); // 'Contempt'
 */
export function classesOf({ dataset, num_classes }: { dataset: Dataset; num_classes: number }): readonly string[] {
  if (dataset === 'affectnet' && num_classes === 8) return EIGHT_CLASSES;
  if (num_classes === 7) return dataset === 'affectnet' ? CLASSES : AFFWILD2_CLASSES;
  throw new InputError(
    `--num_classes expects ${dataset === 'affectnet' ? '7 or 8' : 7} for ${dataset}, found ${num_classes}`,
  );
}

/** How many of a data set's own classes these are; null: they are others. */
export function numberOfClasses(dataset: Dataset, classes: readonly string[]): number | null {
  const own = dataset === 'affwild2' ? AFFWILD2_CLASSES : EIGHT_CLASSES.slice(0, Math.max(7, classes.length));
  return own.join() === classes.join() ? classes.length : null;
}

/** The nodes of AffectNet's seven classes. */
export const NODES = nodesOf(CLASSES);
