// What is split off for validation where nothing is given for it.
import { posix } from 'node:path';
import { InputError } from '../base/errors';
import { randomPermutation, randomStream } from '../base/random';
import { CLASSES } from './labels';
import type { Samples } from './sample_columns';

export interface Split {
  readonly train: Samples;
  readonly val: Samples;
}

/**
 * Splits off `fraction` of the samples for validation, the same for the same seed. Stratified: of each class
 * round(fraction * count), so that rare classes are in both parts; both parts keep the file's order.
 *
 * @throws InputError if one part would be empty
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * const { train: most, val } = splitSamples(train.samples, 0.5, 1);
 * [most.length, val.length]; // [7, 7]
 */
export function splitSamples(
  samples: Samples,
  fraction: number,
  seed: number,
  classes: readonly string[] = CLASSES,
): Split {
  const members: number[][] = classes.map(() => []);
  for (let i = 0; i < samples.length; i++) members[samples.expressionAt(i)].push(i);
  const inVal = new Uint8Array(samples.length);
  for (const [c, name] of classes.entries()) {
    const order = randomPermutation(randomStream(`split/${name}`, seed), members[c].length);
    for (const i of order.subarray(0, Math.round(members[c].length * fraction))) inVal[members[c][i]] = 1;
  }
  return partsOf(samples, fraction, (i) => inVal[i] === 1, 'more samples');
}

/** Groups that a set falls into, which no split divides. */
export interface Groups {
  /** What they are by: a column, or `folder`. */
  readonly by: string;
  readonly names: readonly string[];
  /** A place in `names` a sample. */
  readonly of: Uint32Array;
}

/** The groups of a set by its samples' `group`, or, by `folder`, by the folders of their images. */
export function groupsOf(samples: Samples, by: string): Groups {
  const places = new Map<string, number>();
  const of = Uint32Array.from({ length: samples.length }, (_, i) => {
    const name = by === 'folder' ? posix.dirname(samples.imageAt(i)) : (samples.groupAt(i) ?? '');
    const place = places.get(name) ?? places.size;
    places.set(name, place);
    return place;
  });
  return { by, names: [...places.keys()], of };
}

/** Stands among the classes for all of them. */
const ALL = -1;
/** Of more groups each is so small that moving one is enough. */
const MOST_IN_PAIRS = 500;
/** Times that all groups are gone through at most. */
const PASSES = 20;

/**
 * As `splitSamples`, of whole groups: from the largest down (of equals in random order) each goes to the validation set if that
 * brings it nearer to the fraction of every class and of all, the sum over them of (count - wanted)^2 / total; and once there are
 * all, each changes sides, alone or with another, as long as that helps.
 *
 * @throws InputError for a single group, which cannot be split, and for groups that are the classes
 */
export function splitGroups(samples: Samples, fraction: number, seed: number, { by, names, of }: Groups): Split {
  const counts = names.map(() => new Map<number, number>());
  const totals = new Map<number, number>();
  const add = (to: Map<number, number>, c: number, n: number) => to.set(c, (to.get(c) ?? 0) + n);
  for (let i = 0; i < samples.length; i++) {
    for (const c of [samples.expressionAt(i), ALL]) {
      add(counts[of[i]], c, 1);
      add(totals, c, 1);
    }
  }
  const occurring = totals.size - 1;
  if (names.length > 1 && names.length === occurring && counts.every((of) => of.size === 2))
    throw new InputError(
      `--split_by ${by}: each group is a class (${names.slice(0, 3).join(', ')}, …): none would be in both parts`,
    );
  const have = new Map<number, number>();
  const inVal = new Uint8Array(names.length);
  /** How much farther from what is wanted the validation set is once a group changes sides. */
  const change = (g: number): number => {
    const sign = inVal[g] ? -1 : 1;
    let sum = 0;
    for (const [c, n] of counts[g]) {
      const total = totals.get(c) as number;
      sum += (n * n + sign * 2 * n * ((have.get(c) ?? 0) - fraction * total)) / total;
    }
    return sum;
  };
  const move = (g: number): void => {
    inVal[g] = 1 - inVal[g];
    for (const [c, n] of counts[g]) add(have, c, inVal[g] ? n : -n);
  };
  /** Changes the sides of a group and one of the other side, the first that together do good. */
  const swap = (g: number): boolean => {
    const cost = change(g);
    move(g);
    const other = order.find((h) => h !== g && inVal[h] === inVal[g] && cost + change(h) < -1e-9);
    move(other ?? g);
    return other !== undefined;
  };
  const size = counts.map((count) => count.get(ALL) as number);
  const order = [...randomPermutation(randomStream(`split by ${by}`, seed), names.length)];
  order.sort((a, b) => size[b] - size[a]);
  for (let pass = 0, moved = true; moved && pass < PASSES; pass++) {
    moved = false;
    for (const g of order) {
      if (change(g) < 0) move(g);
      else if (pass === 0 || names.length > MOST_IN_PAIRS || !swap(g)) continue;
      moved = true;
    }
  }
  // Neither part stays without: the group that does least harm goes over.
  const chosen = inVal.reduce((n, v) => n + v, 0);
  if (names.length > 1 && (chosen === 0 || chosen === names.length)) {
    move(order.reduce((best, g) => (change(g) < change(best) ? g : best)));
  }
  return partsOf(
    samples,
    fraction,
    (i) => inVal[of[i]] === 1,
    `another --split_by (by ${by} it is ${names.length} group)`,
  );
}

/** The names of groups that stand in both sets. */
export function sharedGroups(a: Groups, b: Groups): string[] {
  const names = new Set(a.names);
  return b.names.filter((name) => names.has(name));
}

function partsOf(samples: Samples, fraction: number, isVal: (i: number) => boolean, more: string): Split {
  const places = [...Array(samples.length).keys()];
  const [train, val] = [places.filter((i) => !isVal(i)), places.filter(isVal)].map((part) => samples.select(part));
  if (val.length === 0 || train.length === 0) {
    throw new InputError(
      `splitting off ${100 * fraction} % of ${samples.length} samples for validation leaves ` +
        `${train.length} for training and ${val.length} for validation; give --val_data, another --val_fraction, or ${more}`,
    );
  }
  return { train, val };
}
