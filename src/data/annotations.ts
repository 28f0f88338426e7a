// Whatever --data may be: AffectNet's CSV, Aff-Wild2's annotation folder, or the original's annotation pickle of either.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../base/errors';
import { lookAt, readWhole } from './files';
import { ImageRoot } from './image_root';
import type { Dataset } from './labels';
import { readAffectNet } from './layouts/affectnet';
import { readAffWild2 } from './layouts/affwild2';
import { parseAnnotationPickle } from './layouts/annotation_pickle';
import { Samples } from './sample_columns';
import type { AnnotationSet } from './samples';
import { tensorFileKind } from './tensor_file';

/** Frames that are looked for to find out where a pickle's frames are. */
const TRIED = 20;

/** What was read: `val` is null where the file holds one set. */
export interface Annotations {
  train: AnnotationSet;
  val: AnnotationSet | null;
}

export interface AnnotationOptions {
  dataset: Dataset;
  classes: readonly string[];
  /**
   * Folder that the samples' paths start from, and out of which none may lead: see `ImageRoot`; of Aff-Wild2's folder: that of the
   * videos' folders. null: the pictures do not matter.
   */
  imageDir: string | null;
}

/**
 * Reads annotations of a data set.
 * @throws InputError: no such file; not of this data set; naming file and line, byte or record where it is broken
 */
export async function readAnnotations(data: string, options: AnnotationOptions): Promise<Annotations> {
  const { imageDir } = options;
  const { train, val } = await readAny(data, options);
  if (imageDir === null) return { train, val };
  const root = new ImageRoot(imageDir);
  const below = (set: AnnotationSet) => keepInside({ ...set, root: imageDir }, root);
  return { train: below(train), val: val && below(val) };
}

async function readAny(data: string, options: AnnotationOptions): Promise<Annotations> {
  const { dataset, classes, imageDir } = options;
  if (lookAt(data) === 'a folder') {
    if (dataset === 'affwild2') return readAffWild2(data, imageDir ?? '.');
    throw new InputError(`${data}: expected AffectNet's CSV or an annotation pickle, found a folder`);
  }
  if ((await tensorFileKind(data)) === 'pickle') {
    const sets = parseAnnotationPickle(await readWhole(data), data, options);
    return dataset === 'affwild2' && imageDir !== null ? rebased(sets, imageDir) : sets;
  }
  if (dataset === 'affectnet') return { train: await readAffectNet(data, classes), val: null };
  throw new InputError(
    `${data}: expected Aff-Wild2's annotation folder or an annotation pickle, found another file; ` +
      "AffectNet's CSV goes with --dataset affectnet",
  );
}

/** A set whose samples with a path that leads out of the pictures' folder are bad. */
export function keepInside(set: AnnotationSet, root: ImageRoot): AnnotationSet {
  const bad = [...set.bad];
  const samples = set.samples.filter((sample) => {
    const reason = root.problemOf(sample.image);
    if (reason !== null) bad.push({ where: sample.where, image: sample.image, reason });
    return reason === null;
  });
  return { ...set, samples, bad };
}

/**
 * Frames of a pickle have the path that they had for the script that wrote it (`videos/NAME/00001.jpg`). They are looked
 * for below the image directory by that path, or by its last two parts, or, as the original does, by the path as it stands:
 * wherever one of the first is found.
 */
function rebased(sets: { train: AnnotationSet; val: AnnotationSet }, imageDir: string): Annotations {
  const places = [
    (path: string) => path,
    (path: string) => join(basename(dirname(path)), basename(path)),
    (path: string) => resolve(path),
  ];
  const first = Object.values(sets).flatMap(({ samples }) =>
    Array.from({ length: Math.min(samples.length, TRIED) }, (_, i) => samples.at(i)),
  );
  const place = places.find((at) => first.some(({ image }) => existsSync(resolve(imageDir, at(image))))) ?? places[0];
  const move = (set: AnnotationSet): AnnotationSet => ({
    ...set,
    samples: Samples.of(set.samples.map((sample) => ({ ...sample, image: place(sample.image) }))),
  });
  return { train: move(sets.train), val: move(sets.val) };
}
