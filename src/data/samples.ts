import { InputError } from '../device/errors';
import type { FacePose } from './face';
import { randomPermutation, randomStream } from './random';

/** AffectNet's seven classes; a sample's `expression` is a place in this list. */
export const CLASSES = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'] as const;

/** Nodes of the label graph: the classes, then the two continuous labels. */
export const NODES = [...CLASSES, 'Valence', 'Arousal'] as const;

/** How often each class occurs in AffectNet's training set. */
export const AFFECTNET_COUNTS = [74874, 134415, 25459, 14090, 6378, 3803, 24882] as const;

/** One labelled face. */
export interface Sample extends FacePose {
  /** Path below the image directory, as the annotation file has it. */
  image: string;
  /** Line of the annotation file, from 1. */
  line: number;
  /** 0 .. 6, see CLASSES. */
  expression: number;
  /** -1 .. 1. */
  valence: number;
  /** -1 .. 1. */
  arousal: number;
}

/** A row or an image that was left out, and why. */
export interface BadItem {
  /** `training.csv line 17`. */
  where: string;
  image: string;
  reason: string;
}

/** Samples of each class. */
export function classCounts(samples: readonly Sample[]): number[] {
  const counts = new Array<number>(CLASSES.length).fill(0);
  for (const { expression } of samples) counts[expression]++;
  return counts;
}

export const CLASS_WEIGHTS = ['affectnet', 'balanced', 'none'] as const;
export type ClassWeights = (typeof CLASS_WEIGHTS)[number];

/**
 * Weights of the cross entropy, one a class: min(counts) / counts[i], with AffectNet's own counts (the original's
 * constants) or those of `samples`; `none` gives ones.
 *
 * @throws InputError for `balanced` where a class has no sample
 */
export function classWeights(samples: readonly Sample[], kind: ClassWeights): Float32Array {
  if (kind === 'none') return new Float32Array(CLASSES.length).fill(1);
  const counts = kind === 'affectnet' ? AFFECTNET_COUNTS : classCounts(samples);
  const absent = CLASSES.filter((_, i) => counts[i] === 0);
  if (absent.length > 0) {
    throw new InputError(
      `balanced class weights: expected samples of every class, found none of ${absent.join(', ')}; ` +
        'take other class weights (affectnet, none) or add such samples',
    );
  }
  return Float32Array.from(counts, (c) => Math.min(...counts) / c);
}

/**
 * Splits off `fraction` of the samples for validation, the same for the same seed. Stratified: of each class
 * round(fraction * count), so that rare classes are in both parts; both parts keep the file's order.
 *
 * @throws InputError if one part would be empty
 */
export function splitSamples<T extends { expression: number }>(
  samples: readonly T[],
  fraction: number,
  seed: number,
): { train: T[]; val: T[] } {
  const inVal = new Set<T>();
  for (const [c, name] of CLASSES.entries()) {
    const members = samples.filter((s) => s.expression === c);
    const order = randomPermutation(randomStream(`split/${name}`, seed), members.length);
    for (const i of order.subarray(0, Math.round(members.length * fraction))) inVal.add(members[i]);
  }
  const val = samples.filter((s) => inVal.has(s));
  const train = samples.filter((s) => !inVal.has(s));
  if (val.length === 0 || train.length === 0) {
    throw new InputError(
      `splitting off ${100 * fraction} % of ${samples.length} samples for validation leaves ` +
        `${train.length} for training and ${val.length} for validation; give a validation file, or more samples`,
    );
  }
  return { train, val };
}
