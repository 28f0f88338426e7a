// AffectNet as it is handed out today: a picture of the face alone, and a NumPy file for each of its labels.
//
//   DIR/{train_set,val_set}/images/ID.jpg           224 x 224, the face fills it
//   DIR/{train_set,val_set}/annotations/ID_exp.npy  the class: one number, or its digits as text
//                                       ID_val.npy  valence     ID_aro.npy  arousal, -2 for none
//                                       ID_lnd.npy  68 points x, y in the picture's pixels, read with the picture

import { opendirSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { Align } from '../face';
import { asInputError, lookAt } from '../files';
import { isPicture } from '../picture_folder';
import { type AnnotationSet, beginSet, endSet } from '../samples';
import type { Source } from '../sources';
import { ofAffectNet } from './csv';
import { foldersIn, isPartName, partsOf } from './folder_parts';
import { type AnnotationOptions, type DataLayout, drop, rootOf, tooFew } from './layout';
import { LABELS, readLabelsInThreads } from './npy_labels';

/** Bits of what a face has: its labels, then its landmarks; the rest is the place of its picture's ending, from 1. */
const LANDMARKS = 1 << LABELS.length;
const ENDING = LABELS.length + 1;

const OF_LABEL = /^(.+)_(exp|val|aro|lnd)\.npy$/s;

/** Threads that read labels: mostly they wait for the disk. */
const THREADS = 4;

export const npy: DataLayout = {
  name: 'npy',
  ownPictures: true,
  is: (data, kind) => kind === 'folder' && partsOf(data, isSet) !== null,
  async read(data, options) {
    ofAffectNet(data, options);
    const { train, val } = partsOf(data, isSet)!;
    return {
      train: await readSet(train, options),
      val: val === null ? null : await readSet(val, options),
      sources: sourcesOf(data),
    };
  },
};

/** Which sets there are, their pictures, and each label; landmarks are read with their picture. */
function sourcesOf(data: string): Source[] {
  const sets = [
    data,
    ...foldersIn(data)
      .filter(isPartName)
      .map((name) => join(data, name)),
  ];
  const ofSet = (dir: string): Source[] => [
    { path: resolve(dir, 'images') },
    { path: resolve(dir, 'annotations'), counts: /_(exp|val|aro)\.npy$/ },
  ];
  return [{ path: resolve(data), counts: 'parts' }, ...sets.flatMap(ofSet)];
}

/** Whether a folder has pictures and labels as a set of the release. */
function isSet(dir: string): boolean {
  if (lookAt(join(dir, 'images')) !== 'a folder' || lookAt(join(dir, 'annotations')) !== 'a folder') return false;
  for (const name of namesIn(join(dir, 'annotations'))) if (OF_LABEL.test(name)) return true;
  return false;
}

/** Names of the files in a folder, in no order: there may be a million. @throws InputError if it cannot be read */
function* namesIn(dir: string): Generator<string> {
  try {
    const open = opendirSync(dir, { bufferSize: 1024 });
    try {
      for (let entry = open.readSync(); entry; entry = open.readSync())
        if (entry.isFile() || (entry.isSymbolicLink() && lookAt(join(dir, entry.name)) === 'a file')) yield entry.name;
    } finally {
      open.closeSync();
    }
  } catch (error) {
    throw asInputError(dir, error);
  }
}

async function readSet(dir: string, options: AnnotationOptions): Promise<AnnotationSet> {
  const { classes, align = true } = options;
  const { root, below } = rootOf(dir, options.imageDir);
  const set = beginSet(dir, root);
  const { ids, has, endings } = facesIn(dir);
  const values = new Float64Array(3 * ids.length);
  const problems = new Map<number, string>();
  await readLabelsInThreads(join(dir, 'annotations'), { ids, has }, THREADS, (labels, first) => {
    values.set(labels.values, 3 * first);
    for (const [i, reason] of labels.problems) problems.set(first + i, reason);
  });
  const where = basename(dir);
  for (const [i, id] of ids.entries()) {
    set.rows++;
    const image = `images/${id}${endings[(has[i] >> ENDING) - 1] ?? '.jpg'}`;
    const [expression, valence, arousal] = values.subarray(3 * i, 3 * i + 3);
    const reason = problems.get(i) ?? whatLacks(id, has[i], align);
    if (problems.has(i) || Number.isNaN(expression)) set.bad.push({ where, image, reason: reason as string });
    else if (expression < 0 || expression >= classes.length) drop(set, `expression ${expression}`);
    else if (reason !== null) set.bad.push({ where, image, reason });
    else {
      const pose = align ? { landmarks: `${below}annotations/${id}_lnd.npy` } : null;
      set.samples.push(
        { image: below + image, expression, valence, arousal, pose, group: null },
        where.replaceAll('%', '%%'),
        0,
      );
    }
  }
  if (set.samples.length === 0) throw tooFew(set, `faces with a class of 0 to ${classes.length - 1}`);
  return endSet(set);
}

/** Which of its files a face lacks that it must have; null: none. */
function whatLacks(id: string, has: number, align: Align): string | null {
  if (!(has & 1)) return `there is no annotations/${id}_exp.npy`;
  if (!(has >> ENDING)) return 'no such picture';
  if (align && !(has & LANDMARKS))
    return `there is no annotations/${id}_lnd.npy; --align off takes pictures as they are`;
  return null;
}

interface Faces {
  /** In order. */
  ids: string[];
  has: Uint8Array;
  endings: string[];
}

/** All faces of a set that have a picture or a label, and what they have. */
function facesIn(dir: string): Faces {
  const faces = new Map<string, number>();
  const endings: string[] = [];
  for (const name of namesIn(join(dir, 'annotations'))) {
    const [, id, label] = OF_LABEL.exec(name) ?? [];
    if (id === undefined) continue;
    const bit = label === 'lnd' ? LANDMARKS : 1 << LABELS.indexOf(label as (typeof LABELS)[number]);
    faces.set(id, (faces.get(id) ?? 0) | bit);
  }
  for (const name of namesIn(join(dir, 'images'))) {
    if (!isPicture(name)) continue;
    const ending = extname(name);
    if (!endings.includes(ending)) endings.push(ending);
    const id = name.slice(0, name.length - ending.length);
    const has = (faces.get(id) ?? 0) & ((1 << ENDING) - 1);
    faces.set(id, has | ((endings.indexOf(ending) + 1) << ENDING));
  }
  const ids = [...faces.keys()].sort(byNumber);
  return { ids, has: Uint8Array.from(ids, (id) => faces.get(id) as number), endings };
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b) || (a < b ? -1 : 1);
