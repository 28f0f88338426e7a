// The classes of the data sets. An `expression` is a place in its data set's list; so are a network's outputs.
import { InputError } from '../base/errors';
import { emotionKey } from './emotions';

export const DATASETS = ['affectnet', 'affwild2'] as const;
export type Dataset = (typeof DATASETS)[number];

/** AffectNet's seven classes. */
export const CLASSES = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'] as const;

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

/** Most classes of one's own. */
export const MAX_CLASSES = 50;

/** How many of a data set's own classes these are; null: they are others. */
export function numberOfClasses(dataset: Dataset, classes: readonly string[]): number | null {
  const own = dataset === 'affwild2' ? AFFWILD2_CLASSES : EIGHT_CLASSES.slice(0, Math.max(7, classes.length));
  return own.join() === classes.join() ? classes.length : null;
}

/** Whether names can be those of classes: nodes of a label graph, told apart in files. */
export const areClassNames = (names: readonly string[]): boolean =>
  new Set(nodesOf(names).map(emotionKey)).size === names.length + 2 &&
  names.every((name) => name.length <= 100 && !/[,"\u0000-\u001f\u007f]/.test(name) && !/^\d+$/.test(name));

/**
 * The nodes of a label graph: the classes, then the two continuous labels.
 * @example
 * nodesOf(['calm', 'bored']); // ['calm', 'bored', 'Valence', 'Arousal']
 */
export const nodesOf = (classes: readonly string[]): readonly string[] => [...classes, 'Valence', 'Arousal'];

/** The nodes of AffectNet's seven classes. */
export const NODES = nodesOf(CLASSES);
