import { InputError } from '../base/errors';
import { CLASSES, EIGHT_CLASSES } from './labels';
import { type Sample, SampleColumns, type Samples } from './sample_columns';

/** How often each of the eight classes occurs in AffectNet's training set. */
export const AFFECTNET_COUNTS = [74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750] as const;

/** A row or an image that was left out, and why. */
export interface BadItem {
  /** `training.csv line 17`. */
  where: string;
  image: string;
  reason: string;
}

/** In one line, whatever a stranger has put into the names. */
export const describeBad = ({ where, image, reason }: BadItem): string =>
  `${where}: ${image}: ${reason}`.replaceAll('\n', '\\n');

/** A set of samples as its annotations give it. */
export interface AnnotationSet {
  /** Annotation file or folder. */
  file: string;
  /** The folder that the samples' paths start from, and out of which none leads; null: the pictures do not matter. */
  root: string | null;
  /** Rows or frames that were looked at: samples, bad and dropped together. */
  rows: number;
  samples: Samples;
  /** Rows that cannot be used, with the reason. */
  bad: BadItem[];
  /** How many rows were left out because they are none of the classes' or have no labels, by their kind. */
  dropped: Map<string, number>;
  /** Samples whose box is not square; their faces will be stretched to a square. */
  stretched: number;
}

/** A set that is being read. */
export interface SetReading extends Omit<AnnotationSet, 'samples'> {
  samples: SampleColumns;
}

export const beginSet = (file: string, root: string | null = null): SetReading => ({
  file,
  root,
  rows: 0,
  samples: new SampleColumns(),
  bad: [],
  dropped: new Map(),
  stretched: 0,
});

export const endSet = (set: SetReading): AnnotationSet => ({ ...set, samples: set.samples.done() });

/** A set in a line: what was read and what was left out. */
export function describeAnnotations({ file, rows, samples, bad, dropped, stretched }: AnnotationSet): string {
  const parts = [`${file}: ${rows} rows, ${samples.length} of the classes`];
  if (dropped.size > 0) {
    const kinds = [...dropped].sort().map(([kind, n]) => `${n} with ${kind}`);
    parts.push(`dropped ${kinds.join(', ')}`);
  }
  const without = samples.length - countWithValenceArousal(samples);
  if (without > 0) parts.push(`${without} without valence and arousal`);
  if (bad.length > 0) parts.push(`${bad.length} broken`);
  if (stretched > 0) parts.push(`${stretched} boxes that are not square are stretched`);
  return parts.join('; ');
}

export const hasValenceArousal = ({ valence, arousal }: Pick<Sample, 'valence' | 'arousal'>): boolean =>
  !Number.isNaN(valence + arousal);

/** How many of the samples have valence and arousal. */
export function countWithValenceArousal(samples: Samples): number {
  let n = 0;
  for (let i = 0; i < samples.length; i++) if (!Number.isNaN(samples.valenceAt(i) + samples.arousalAt(i))) n++;
  return n;
}

/**
 * A set for what needs valence and arousal: samples without them are bad.
 * @param who needs them, for messages
 * @throws InputError if no sample has them
 */
export function withValenceArousal(set: AnnotationSet, who: string): AnnotationSet {
  if (countWithValenceArousal(set.samples) === set.samples.length) return set;
  const samples = set.samples.filter(hasValenceArousal);
  const advice = `which ${who} needs: --model single_task trains without`;
  if (samples.length === 0) {
    const faces = `${set.samples.length} face${set.samples.length === 1 ? '' : 's'}`;
    throw new InputError(`${set.file}: none of ${faces} has valence and arousal (-2, empty or no column), ${advice}`);
  }
  const without = [...set.samples.filter((sample) => !hasValenceArousal(sample))];
  const reason = `no valence and arousal (-2 or empty), ${advice}`;
  return { ...set, samples, bad: [...set.bad, ...without.map(({ where, image }) => ({ where, image, reason }))] };
}

/**
 * Samples of each class.
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * classCounts(train.samples); // [2, 2, 2, 2, 2, 2, 2]
 */
export function classCounts(samples: Samples, classes: readonly string[] = CLASSES): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < samples.length; i++) counts[samples.expressionAt(i)]++;
  return counts;
}

export const CLASS_WEIGHTS = ['affectnet', 'balanced', 'none'] as const;
export type ClassWeights = (typeof CLASS_WEIGHTS)[number];

/**
 * Weights of the cross entropy, one a class: min(counts) / counts[i], with AffectNet's own counts (for seven classes the
 * original's constants) or those of `samples`, of which the least is that of a class that occurs: one that does not has 0.
 * `none` gives ones.
 *
 * @throws InputError for `affectnet` where the classes are not AffectNet's
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * classWeights(train.samples, 'balanced'); // [1, 1, 1, 1, 1, 1, 1]
 */
export function classWeights(samples: Samples, kind: ClassWeights, classes: readonly string[] = CLASSES): Float32Array {
  if (kind === 'none') return new Float32Array(classes.length).fill(1);
  if (kind === 'affectnet' && classes.some((name, i) => name !== EIGHT_CLASSES[i])) {
    throw new InputError("class weights affectnet: expected AffectNet's classes; take balanced or none");
  }
  const counts = kind === 'affectnet' ? AFFECTNET_COUNTS.slice(0, classes.length) : classCounts(samples, classes);
  const least = Math.min(...counts.filter((c) => c > 0));
  return Float32Array.from(counts, (c) => (c > 0 ? least / c : 0));
}

/** The classes that no sample has. */
export function absentClasses(samples: Samples, classes: readonly string[]): string[] {
  const counts = classCounts(samples, classes);
  return classes.filter((_, c) => counts[c] === 0);
}
