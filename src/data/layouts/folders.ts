// A folder a class: DIR/{train,val}/CLASS/PICTURE, or DIR/CLASS/PICTURE, CLASS a name or AffectNet's number, and if there is one
// valence_arousal.csv (file, valence, arousal) in the set's folder or, of train and val, in the one that holds both; its paths start from there.
import { opendirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { classFinder, isEmotion } from '../../base/emotions';
import { InputError } from '../../base/errors';
import { readCsv } from '../csv';
import { asInputError, lookAt } from '../files';
import { EIGHT_CLASSES } from '../labels';
import { isPicture } from '../picture_folder';
import { beginSet, endSet, type SetReading } from '../samples';
import type { Source } from '../sources';
import { foldersIn, isPartName, partsOf } from './folder_parts';
import { type AnnotationOptions, type DataLayout, drop, rootOf, tooFew } from './layout';
import { RowError, unitOf } from './values';

const VALENCE_AROUSAL = 'valence_arousal.csv';
const COLUMNS = ['file', 'valence', 'arousal'] as const;

/** The largest of AffectNet's numbers: no face. */
const LAST_NUMBER = 10;

export const folders: DataLayout = {
  name: 'folders',
  ownPictures: true,
  is: (data, kind) => kind === 'folder' && partsOf(data, isSet) !== null,
  async read(data, options) {
    try {
      const { train, val } = partsOf(data, isSet)!;
      const above = folderAbove(train);
      const shared = above === null ? null : await readValenceArousal(above);
      const sets = {
        train: await readSet(train, options, shared),
        val: val === null ? null : await readSet(val, options, shared),
      };
      reportLeft(sets.train, shared);
      return { train: endSet(sets.train), val: sets.val && endSet(sets.val), sources: sourcesOf(data, train) };
    } catch (error) {
      throw asInputError(data, error);
    }
  },
};

/** The folder that holds a set which is called as one of several; null: it is called otherwise. */
function folderAbove(set: string): string | null {
  const at = resolve(set);
  return isPartName(basename(at)) ? dirname(at) : null;
}

/** Which sets there are, what lies in all their folders, and the pairs. */
function sourcesOf(data: string, train: string): Source[] {
  const sets =
    train === data
      ? [data]
      : foldersIn(data)
          .filter(isPartName)
          .map((name) => join(data, name));
  const known = new Set<string>();
  return [
    { path: resolve(data), counts: 'parts' },
    ...[folderAbove(train) ?? [], ...sets].flat().map((dir): Source => ({ path: resolve(dir, VALENCE_AROUSAL) })),
    ...sets.flatMap((dir) => treeOf(dir, known)).map((dir): Source => ({ path: resolve(dir) })),
  ];
}

/** A folder and all below it, each once. */
function treeOf(dir: string, known: Set<string>): string[] {
  const real = realpathSync(dir);
  if (known.has(real)) return [];
  known.add(real);
  const below = readdirSync(dir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() || (entry.isSymbolicLink() && lookAt(join(dir, entry.name)) === 'a folder'),
  );
  return [dir, ...below.flatMap(({ name }) => treeOf(join(dir, name), known))];
}

/**
 * The names of a set's classes, as its folders (those of the training set) are called: in order, by number where all are numbers.
 * @throws InputError: no folders with pictures
 */
export function folderClasses(data: string): string[] {
  const parts = lookAt(data) === 'a folder' ? partsOf(data, isSet) : null;
  if (!parts) throw new InputError(`${data}: expected a folder of pictures for each class, found none`);
  const names = classFolders(parts.train);
  return names.every((name) => /^\d+$/.test(name)) ? names.sort((a, b) => Number(a) - Number(b)) : names;
}

const isSet = (dir: string): boolean =>
  foldersIn(dir).some((name) => !isPartName(name) && holdsPicture(join(dir, name)));

const classFolders = (dir: string): string[] => foldersIn(dir).filter((name) => holdsPicture(join(dir, name)));

/** Whether a picture lies in a folder, or in one in it. */
function holdsPicture(dir: string, deep = true): boolean {
  const below: string[] = [];
  try {
    const open = opendirSync(dir);
    try {
      for (let entry = open.readSync(); entry; entry = open.readSync()) {
        if (isPicture(entry.name)) return true;
        if (entry.isDirectory() || (entry.isSymbolicLink() && lookAt(join(dir, entry.name)) === 'a folder'))
          below.push(entry.name);
      }
    } finally {
      open.closeSync();
    }
  } catch (error) {
    throw asInputError(dir, error);
  }
  return deep && below.some((name) => holdsPicture(join(dir, name), false));
}

async function readSet(
  dir: string,
  { classes, imageDir }: AnnotationOptions,
  shared: ValenceArousal | null,
): Promise<SetReading> {
  const { root, below } = rootOf(dir, imageDir);
  const set = beginSet(dir, root);
  const where = basename(resolve(dir));
  const own = await readValenceArousal(dir);
  for (const [name, { place, dropped }] of placesOf(dir, classes)) {
    for (const file of picturesIn(join(dir, name))) {
      set.rows++;
      const image = `${name}/${file}`;
      const pair = own?.take(image) ?? shared?.take(`${where}/${image}`) ?? NONE;
      if (dropped !== null) drop(set, dropped);
      else if (typeof pair === 'string') set.bad.push({ where, image, reason: pair });
      else {
        const [valence, arousal] = pair;
        const sample = { image: below + image, expression: place, valence, arousal, pose: null, group: null };
        set.samples.push(sample, where.replaceAll('%', '%%'), 0);
      }
    }
  }
  if (set.samples.length === 0) throw tooFew(set, `pictures of ${classes.join(', ')}`);
  reportLeft(set, own);
  return set;
}

const NONE = [Number.NaN, Number.NaN] as const;

interface ClassFolder {
  /** In the list of classes. */
  place: number;
  /** null, or as what its pictures are left out. */
  dropped: string | null;
}

/** What each folder of a set stands for. @throws InputError: none for one of the classes; numbers that are not AffectNet's */
function placesOf(dir: string, classes: readonly string[]): Map<string, ClassFolder> {
  const names = classFolders(dir);
  const find = classFinder(classes);
  const isNumber = (name: string): boolean => /^\d+$/.test(name);
  // Where one is called as a class, numbers are no classes.
  const numbered = names.every((name) => find(name) < 0);
  // A number is a place among classes of one's own, else AffectNet's, whatever the order of the classes.
  const emotions = classes.every(isEmotion);
  if (numbered && emotions) checkNumbers(dir, names.filter(isNumber).map(Number));
  const places = new Map<string, ClassFolder>();
  for (const name of names) {
    const number = numbered && isNumber(name) ? Number(name) : null;
    const own = number !== null && number < classes.length ? number : -1;
    const place = number === null ? find(name) : emotions ? find(EIGHT_CLASSES[number] ?? '') : own;
    const kind = number === null ? `folder ${name}` : `expression ${number}`;
    places.set(name, { place, dropped: place < 0 ? kind : null });
  }
  if ([...places.values()].every(({ place }) => place < 0)) {
    const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ', ...' : '');
    const advice = names.some(isEmotion) ? '' : '; classes of your own: --classes';
    throw new InputError(
      `${dir}: expected folders called ${classes.join(', ')}, or by AffectNet's numbers, found ${shown}${advice}`,
    );
  }
  return places;
}

/** @throws InputError for numbers that are not, or likely not, those of AffectNet's classes */
function checkNumbers(dir: string, numbers: readonly number[]): void {
  const found = [...numbers].sort((a, b) => a - b).join(', ');
  if (numbers.some((n) => n > LAST_NUMBER))
    throw new InputError(`${dir}: expected folders called as classes, or AffectNet's 0 to 7, found ${found}`);
  if (found === '1, 2, 3, 4, 5, 6, 7')
    throw new InputError(
      `${dir}: expected AffectNet's numbers, 0 Neutral to 7 Contempt, found 1 to 7, as RAF-DB counts (1 Surprise, 2 Fear, ` +
        '3 Disgust, 4 Happy, 5 Sad, 6 Anger, 7 Neutral); rename the folders to the names',
    );
}

/** Paths of the pictures in a folder and below, in order; each folder once, however links lead to it. */
function* picturesIn(dir: string, below = '', known = new Set<string>()): Generator<string> {
  const real = realpathSync(dir);
  if (known.has(real)) return;
  known.add(real);
  const entries = readdirSync(dir, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const at = join(dir, entry.name);
    if (isPicture(entry.name)) yield below + entry.name;
    else if (entry.isDirectory() || (entry.isSymbolicLink() && lookAt(at) === 'a folder'))
      yield* picturesIn(at, `${below}${entry.name}/`, known);
  }
}

/** Pairs by picture; `left` are those that no picture has taken. */
class ValenceArousal {
  readonly left = new Map<string, { line: number; pair: readonly [number, number] | string }>();

  constructor(readonly file: string) {}

  /** The pair of a picture, or why it is none; undefined: none is written. */
  take(image: string): readonly [number, number] | string | undefined {
    const found = this.left.get(image);
    this.left.delete(image);
    return found?.pair;
  }
}

/** @returns null: the folder has none. @throws InputError: no CSV, without its columns */
async function readValenceArousal(dir: string): Promise<ValenceArousal | null> {
  const file = join(dir, VALENCE_AROUSAL);
  if (lookAt(file) === 'nothing') return null;
  const read = new ValenceArousal(file);
  const rows = readCsv(file, COLUMNS, (header, line) => {
    const missing = COLUMNS.filter((name) => !header.includes(name));
    if (missing.length > 0)
      throw new InputError(
        `${file}: line ${line}: missing column ${missing.join(', ')}; expected ${COLUMNS.join(',')}`,
      );
  });
  for await (const { fields, line, problem } of rows) {
    const image = posix.normalize(fields.file.replaceAll('\\', '/'));
    read.left.set(image, { line, pair: problem ?? pairOf(fields, `${VALENCE_AROUSAL} line ${line}`) });
  }
  return read;
}

function pairOf(
  { valence, arousal }: Readonly<Record<string, string>>,
  where: string,
): readonly [number, number] | string {
  try {
    return [unitOf('valence', valence), unitOf('arousal', arousal)];
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    return `${where}: ${error.message}`;
  }
}

/** Rows that are of no picture are broken. */
function reportLeft(set: SetReading, read: ValenceArousal | null): void {
  for (const [image, { line }] of read?.left ?? []) {
    if (lookAt(join(dirname(read!.file), image)) !== 'nothing') continue;
    set.rows++;
    set.bad.push({ where: `${VALENCE_AROUSAL} line ${line}`, image, reason: 'no such picture' });
  }
}
