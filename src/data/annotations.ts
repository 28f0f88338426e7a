// Whatever --data may be: the door to all readers in layouts/.
import { readdirSync } from 'node:fs';
import { isEmotion } from '../base/emotions';
import { InputError } from '../base/errors';
import { hashOf } from './data_hash';
import { lookAt } from './files';
import { ImageRoot } from './image_root';
import { type Keeping, keptAnnotations } from './kept_annotations';
import { affWild2 } from './layouts/affwild2';
import { csv, csvFolder } from './layouts/csv';
import { folderClasses, folders } from './layouts/folders';
import type { AnnotationOptions, Annotations, DataLayout } from './layouts/layout';
import { npy } from './layouts/npy';
import { pickle } from './layouts/pickle';
import type { AnnotationSet } from './samples';
import { tensorFileKind } from './tensor_file';

export type { AnnotationOptions, Annotations, DataLayout } from './layouts/layout';

/** The first that it is counts. */
const LAYOUTS: readonly DataLayout[] = [affWild2, npy, csvFolder, folders, pickle, csv];

/** Names in a message. */
const SHOWN = 8;

/**
 * What layout lies at a path, by its content.
 * @throws InputError: nothing there, or nothing that is known
 */
export async function layoutOf(data: string): Promise<DataLayout> {
  const kind = lookAt(data) === 'a folder' ? 'folder' : await tensorFileKind(data);
  const found = LAYOUTS.find((layout) => layout.is(data, kind));
  if (found) return found;
  if (kind !== 'folder') throw new InputError(`${data}: expected a CSV or an annotation pickle, found ${kind}`);
  const names = readdirSync(data).sort();
  const shown = names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ', ...' : '');
  throw new InputError(
    `${data}: expected train_set and val_set with images and annotations (.npy), a folder of pictures for each class, training.csv, or ` +
      `Aff-Wild2's EXPR_Set and VA_Set; found ${shown || 'an empty folder'}`,
  );
}

/** Whether the pictures of what lies at a path lie there too, so that no image directory is needed. */
export function hasOwnPictures(data: string): boolean {
  return lookAt(data) === 'a folder' && LAYOUTS.find((layout) => layout.is(data, 'folder'))?.ownPictures === true;
}

/** The names of the folders of a set that has one for each class, where they are others than AffectNet's; else null. */
export function ownFolderClasses(data: string): readonly string[] | null {
  if (lookAt(data) !== 'a folder' || LAYOUTS.find((layout) => layout.is(data, 'folder')) !== folders) return null;
  const names = folderClasses(data);
  return names.every((name) => isEmotion(name) || /^\d+$/.test(name)) ? null : names;
}

/**
 * Reads annotations, whatever their layout.
 * @param keeping where they are kept when they were read once; without it they are read each time
 * @throws InputError: no such file; not of this data set; naming file and line, byte or record where it is broken
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * train.samples.length; // 14
 * const [first] = train.samples;
 * CLASSES[first.expression] !== undefined && first.valence >= -1; // true
 */
export async function readAnnotations(
  data: string,
  options: AnnotationOptions,
  keeping?: Keeping,
): Promise<Annotations> {
  const read = async (): Promise<Annotations> => {
    const layout = await layoutOf(data);
    const { group = null } = options;
    if (group !== null && layout.name !== 'csv')
      throw new InputError(
        `${data}: expected a CSV, which has columns, for --split_by ${group}; --split_by folder goes with all`,
      );
    return { ...(await layout.read(data, options)), hash: hashOf(data) };
  };
  const { train, val, sources, hash } = await (keeping ? keptAnnotations(data, options, keeping, read) : read());
  const below = (set: AnnotationSet): AnnotationSet => {
    const root = set.root ?? options.imageDir;
    return root === null ? set : keepInside({ ...set, root }, new ImageRoot(root));
  };
  return { train: below(train), val: val && below(val), sources, hash };
}

/** A set whose samples with a path that leads out of the pictures' folder are bad. */
export function keepInside(set: AnnotationSet, root: ImageRoot): AnnotationSet {
  const bad = [...set.bad];
  const kept: number[] = [];
  for (let i = 0; i < set.samples.length; i++) {
    const reason = root.problemOf(set.samples.imageAt(i));
    if (reason === null) kept.push(i);
    else bad.push({ where: set.samples.at(i).where, image: set.samples.imageAt(i), reason });
  }
  return kept.length === set.samples.length ? { ...set, bad } : { ...set, samples: set.samples.select(kept), bad };
}
