// Whatever --data may be: AffectNet's CSV, Aff-Wild2's annotation folder, or the original's annotation pickle of either.
import { existsSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { InputError } from '../device/errors';
import { readAffectNet } from './affectnet';
import { readAffWild2 } from './affwild2';
import { parseAnnotationPickle } from './annotation_pickle';
import { asInputError } from './files';
import type { Dataset } from './labels';
import type { AnnotationSet } from './samples';

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
  /** Folder that the samples' paths start from; of Aff-Wild2's folder: that of the videos' folders. */
  imageDir: string;
}

/**
 * Reads annotations of a data set.
 * @throws InputError: no such file; not of this data set; naming file and line, byte or record where it is broken
 */
export async function readAnnotations(data: string, options: AnnotationOptions): Promise<Annotations> {
  const { dataset, classes, imageDir } = options;
  try {
    if (statSync(data).isDirectory()) {
      if (dataset === 'affwild2') return await readAffWild2(data, imageDir);
      throw new InputError(`${data}: expected AffectNet's CSV or an annotation pickle, found a directory`);
    }
    if (await isPickle(data)) {
      const sets = parseAnnotationPickle(await readFile(data), data, options);
      return dataset === 'affwild2' ? rebased(sets, imageDir) : sets;
    }
  } catch (error) {
    throw asInputError(data, error);
  }
  if (dataset === 'affectnet') return { train: await readAffectNet(data, classes), val: null };
  throw new InputError(
    `${data}: expected Aff-Wild2's annotation folder or an annotation pickle, found another file; ` +
      "AffectNet's CSV goes with --dataset affectnet",
  );
}

/** By its name, or by its content: from protocol 2 on a pickle begins with 0x80 and the protocol. */
async function isPickle(file: string): Promise<boolean> {
  if (['.pkl', '.pickle', '.p'].includes(extname(file).toLowerCase())) return true;
  const handle = await open(file);
  try {
    const head = Buffer.alloc(2);
    await handle.read(head, 0, 2, 0);
    return head[0] === 0x80 && head[1] <= 5;
  } finally {
    await handle.close();
  }
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
  const first = [...sets.train.samples, ...sets.val.samples].slice(0, TRIED);
  const place = places.find((at) => first.some(({ image }) => existsSync(resolve(imageDir, at(image))))) ?? places[0];
  const move = (set: AnnotationSet): AnnotationSet => ({
    ...set,
    samples: set.samples.map((sample) => ({ ...sample, image: place(sample.image) })),
  });
  return { train: move(sets.train), val: move(sets.val) };
}
