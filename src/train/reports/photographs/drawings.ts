// A folder of drawings of photographs.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { InputError, MachineError } from '../../../base/errors';
import { lookAt, makeFolders, readHead, writeWhole } from '../../../data/files';
import { ImageError } from '../../../data/image';
import type { FacePrediction } from '../../measures/face_prediction';
import type { LookedAt } from '../../measures/predict';
import { ARGS, checkNotOfRun } from '../../run/files';
import { drawFaces } from './draw_faces';

/** What a drawing's metadata say before the key of its picture. */
const MARK = 'emotion-gcn --draw ';

/** Bytes at the beginning of a JPEG in which its metadata stand. */
const HEAD = 4096;

/** Most bytes of a name; file systems take 255. */
const MOST = 180;

/**
 * The folder of `predict --draw` or `explain --out`: a JPEG a picture, or a face, called as the picture; where another has that name already, as the picture and the folders
 * that it lies in. A drawing tells in its metadata which picture it is of, so that it is found again and replaced, and nothing else is.
 */
export class Drawings {
  private count = 0;

  /**
   * @param sources that are looked through
   * @throws InputError if it can be no folder, is a run's, or lies in one of the sources, which would be looked through with it next time
   */
  constructor(
    readonly dir: string,
    sources: readonly string[],
    private readonly flag: 'draw' | 'out' = 'draw',
  ) {
    const found = lookAt(dir);
    if (found !== 'a folder' && found !== 'nothing')
      throw new InputError(`--${flag} ${dir}: expected a folder or nothing there, found ${found}; give another folder`);
    checkNotOfRun(dir, flag);
    if (existsSync(join(dir, ARGS)))
      throw new InputError(
        `--${flag} ${dir}: it is the folder of a run; give a new one, such as ${join(dir, 'drawn')}`,
      );
    const place = realPlace(dir);
    for (const source of sources) {
      if (lookAt(source) !== 'a folder') continue;
      const looked = realpathSync(source);
      if (place === looked || place.startsWith(looked === sep ? sep : looked + sep))
        throw new InputError(
          `--${flag} ${dir}: it lies in ${source}, which is looked through: the drawings would be taken for its pictures; give a folder outside`,
        );
    }
  }

  /** How many were drawn. */
  get length(): number {
    return this.count;
  }

  /**
   * Draws a picture with its faces.
   * @throws InputError if the folder cannot be written or the picture no more be read, MachineError if the disk is full
   */
  async add(picture: LookedAt, rows: readonly FacePrediction[]): Promise<void> {
    const image = await picture.read().catch((error) => {
      throw error instanceof ImageError ? new InputError(`${picture.file}: ${error.message}`) : error;
    });
    await this.put(picture, rows, null, (mark) => drawFaces(image, rows, mark));
  }

  /**
   * Writes a drawing of a picture, or of one of its faces.
   * @param draw gives the JPEG with a mark in its metadata
   * @returns its file
   * @throws as `add`
   */
  async put(
    picture: LookedAt,
    rows: readonly FacePrediction[],
    face: number | null,
    draw: (mark: string) => Promise<Buffer>,
  ): Promise<string> {
    const key = keyOf(picture, rows, face);
    const drawing = await draw(MARK + key);
    makeFolder(this.dir, this.flag);
    const file = await this.placeOf(namesOf(picture, rows, face), key);
    await writeWhole(file, drawing, `--${this.flag}`);
    this.count++;
    return file;
  }

  /** The first of some names that nothing has, or an older drawing of the same. */
  private async placeOf(names: Iterable<string>, key: string): Promise<string> {
    for (const name of names) {
      const file = join(this.dir, name);
      const found = lookAt(file);
      if (found === 'nothing' || (found === 'a file' && (await isMarked(file, key)))) return file;
    }
    throw new Error('names do not end');
  }
}

/** The one face whose box was given: a list may have several of a picture, a row each. */
const givenBox = ([row]: readonly FacePrediction[]) => (row?.box && row.score === null ? row.box : null);

/** Tells a picture, or a face of it that was given, from all others. */
function keyOf({ file, time }: LookedAt, rows: readonly FacePrediction[], face: number | null): string {
  const what = JSON.stringify([resolve(file), time, givenBox(rows), ...(face === null ? [] : [face])]);
  return createHash('sha256').update(what).digest('hex').slice(0, 32);
}

const isMarked = (file: string, key: string): Promise<boolean> =>
  readHead(file, HEAD).then(
    (head) => head.includes(MARK + key),
    () => false, // what may not be read is not ours
  );

/** Names for a picture's drawing, without end. */
function* namesOf({ file, time }: LookedAt, rows: readonly FacePrediction[], face: number | null): Generator<string> {
  const box = givenBox(rows);
  const folders = dirname(resolve(file)).split(sep).filter(Boolean);
  const base = basename(file).replace(/\.jpg$/i, '');
  // Digits before the point so that names are in the order of time.
  const what =
    (time === null ? '' : `_${time.toFixed(3).padStart(10, '0')}s`) +
    (box ? `_${box[0]}_${box[1]}` : face === null ? '' : `_${face}`);
  for (let above = 0; above <= folders.length; above++)
    yield `${safe([...folders.slice(folders.length - above), base].join('_'))}${what}.jpg`;
  for (let i = 2; ; i++) yield `${safe(base)}${what}_${i}.jpg`;
}

/** A name that every file system takes, its end where it is too long. */
function safe(name: string): string {
  let plain = name.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}<>:"/\\|?*]/gu, '_').replace(/^[\s.-]+/, '_');
  while (Buffer.byteLength(plain) > MOST) plain = plain.slice(1).replace(/^[\udc00-\udfff]/, '');
  return /^(con|prn|aux|nul|com\d|lpt\d)?(\.|$)/i.test(plain) ? `_${plain}` : plain;
}

/** The real path of what may not be there yet. */
function realPlace(path: string): string {
  const place = resolve(path);
  return existsSync(place) ? realpathSync(place) : join(realPlace(dirname(place)), basename(place));
}

function makeFolder(dir: string, flag: string): void {
  try {
    makeFolders(dir);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new MachineError(`${dir}: cannot be made: ${message}`);
    throw new InputError(`${dir}: cannot be made: ${message}; check --${flag}`);
  }
}
