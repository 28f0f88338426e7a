// What a reader of annotations is. Each is one file here, listed in ../annotations.ts.

import { relative, resolve, sep } from 'node:path';
import { InputError } from '../../base/errors';
import type { Align } from '../face';
import type { Dataset } from '../labels';
import type { AnnotationSet, SetReading } from '../samples';
import type { Source } from '../sources';
import type { TensorFileKind } from '../tensor_file';

/** What was read: `val` is null where there is one set. */
export interface Annotations {
  train: AnnotationSet;
  val: AnnotationSet | null;
  /** All that they depend on: while it stays as it is, so do they. */
  sources: readonly Source[];
  /** See `hashOf`. */
  hash: string;
}

export interface AnnotationOptions {
  dataset: Dataset;
  classes: readonly string[];
  /**
   * Folder that the samples' paths start from, and out of which none may lead: see `ImageRoot`; of Aff-Wild2's folder: that of the
   * videos' folders. null: that of the annotations where the pictures lie there, else the pictures do not matter.
   */
  imageDir: string | null;
  /** Whether faces are to be levelled by their landmarks; else pictures are taken as they are. Default true. */
  align?: Align;
  /** Names of a CSV's columns where they are not AffectNet's: see `columnsOf`. */
  columns?: string | null;
  /** Column of a CSV whose texts are the samples' groups. Default null: they have none. */
  group?: string | null;
}

export interface DataLayout {
  readonly name: 'csv' | 'npy' | 'folders' | 'affwild2' | 'pickle';
  /** Whether the pictures lie with the annotations: no image directory is needed. */
  readonly ownPictures: boolean;
  /** Whether what lies at a path is laid out so. */
  is(data: string, kind: TensorFileKind | 'folder'): boolean;
  /** @throws InputError naming the place where it is broken */
  read(data: string, options: AnnotationOptions): Promise<Omit<Annotations, 'hash'>>;
}

/**
 * Where the paths of a set's samples start whose pictures lie in `dir`: the image directory, if the set lies in it (links may lead
 * anywhere there), else `dir`.
 * @returns also what paths in `dir` begin with there
 */
export function rootOf(dir: string, imageDir: string | null): { root: string; below: string } {
  const way = relative(resolve(imageDir ?? dir), resolve(dir));
  if (imageDir === null || way === '..' || way.startsWith(`..${sep}`)) return { root: dir, below: '' };
  return { root: imageDir, below: way === '' ? '' : `${way}/` };
}

/** Counts a row that is left out because it is none of the classes'. */
export function drop(set: SetReading, kind: string): void {
  set.dropped.set(kind, (set.dropped.get(kind) ?? 0) + 1);
}

/** What a set is refused by that has no samples, or nearly none. */
export function tooFew({ file, rows, samples, bad, dropped }: SetReading, expected: string): InputError {
  const outside = [...dropped.values()].reduce((a, b) => a + b, 0);
  const first = bad.length > 0 ? `; the first broken one: ${bad[0].where}: ${bad[0].image}: ${bad[0].reason}` : '';
  return new InputError(
    `${file}: expected ${expected}, found ${samples.length || 'none'} among ${rows} (${outside} of other classes, ` +
      `${bad.length} broken)${first}`,
  );
}
