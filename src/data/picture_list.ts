// Pictures to look at: files, folders of them, and lists with or without face boxes and landmarks.
import { readdirSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse';
import { InputError } from '../base/errors';
import { eyeCentres } from '../base/pixels/align';
import type { Box } from '../base/pixels/crop';
import type { KnownFace } from './face';
import { asInputError, lookAt, readWhole, streamFile } from './files';

export interface ListedPicture {
  /** Path of the file. */
  readonly file: string;
  /** What is known of the face; null: the picture shows it. */
  readonly face: KnownFace;
  /** Named itself, so that it must be usable; those of folders and lists may be passed over. */
  readonly named: boolean;
}

const PICTURES = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif']);
const BOX = ['face_x', 'face_y', 'face_width', 'face_height'] as const;

/**
 * The pictures that `source` stands for:
 * - a picture file;
 * - a folder: the pictures in it and below, by name;
 * - a `.txt`: a path a line;
 * - a `.csv`: a column `image` (or AffectNet's `subDirectory_filePath`), if there are `face_x, face_y, face_width, face_height` the
 *   face boxes in pixels, and if there are `facial_landmarks` 68 points `x;y;…`, by whose eyes a face is levelled. Empty fields:
 *   not known. Paths in lists start from `imageDir`, by default the list's folder.
 * @throws InputError naming the source, with the line of a list
 */
export async function* listPictures(source: string, imageDir: string | null): AsyncGenerator<ListedPicture> {
  const ending = extname(source).toLowerCase();
  const from = imageDir ?? dirname(source);
  if (lookAt(source) === 'a folder') {
    const names = filesBelow(source).filter((name) => PICTURES.has(extname(name).toLowerCase()));
    if (names.length === 0)
      throw new InputError(`${source}: expected pictures (${[...PICTURES].join(' ')}), found none in this folder`);
    for (const name of names.sort()) yield { file: join(source, name), face: null, named: false };
  } else if (ending === '.csv') yield* listed(source, from);
  else if (ending === '.txt') {
    const lines = (await readWhole(source)).toString().split(/\r?\n/);
    for (const line of lines) if (line.trim()) yield { file: resolve(from, line.trim()), face: null, named: false };
  } else yield { file: source, face: null, named: true };
}

async function* listed(source: string, from: string): AsyncGenerator<ListedPicture> {
  const rows = streamFile(source).pipe(parse({ bom: true, info: true, columns: true, trim: true }));
  let line = 1;
  try {
    for await (const { record, info } of rows as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>) {
      line = info.lines;
      const fail = (message: string): never => {
        throw new InputError(`${source}: line ${line}: ${message}`);
      };
      const name = record.image ?? record.subDirectory_filePath;
      if (!name) fail('expected a path in a column image or subDirectory_filePath, found none');
      yield { file: resolve(from, name), face: knownFace(record, fail), named: false };
    }
  } catch (error) {
    if (error instanceof CsvError) throw new InputError(`${source}: line ${error.lines ?? line}: ${error.message}`);
    throw asInputError(source, error);
  }
}

function knownFace(row: Record<string, string>, fail: (message: string) => never): KnownFace {
  const numbers = BOX.map((column) => (row[column] ? Math.trunc(Number(row[column])) : null));
  const landmarks = row.facial_landmarks;
  if (numbers.every((v) => v === null)) {
    if (landmarks)
      fail('facial_landmarks without a face box: face_x, face_y, face_width and face_height are needed too');
    return null;
  }
  const box = numbers.map((v, i) => (Number.isFinite(v) ? (v as number) : fail(`${BOX[i]}: expected a number`)));
  if (box[2] < 1 || box[3] < 1) fail(`face box: expected a size of 1 or more, found ${box[2]} x ${box[3]}`);
  if (!landmarks) return { box: box as unknown as Box };
  const points = landmarks.split(';').map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  if (points.length !== 136 || !points.every(Number.isFinite))
    fail(`facial_landmarks: expected 136 numbers x;y;…, found ${points.filter(Number.isFinite).length}`);
  const [leftEye, rightEye] = eyeCentres(points);
  if (leftEye.join() === rightEye.join()) fail(`facial_landmarks: both eyes are at ${leftEye.join(', ')}`);
  return { box: box as unknown as Box, leftEye, rightEye };
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    throw asInputError(folder, error);
  }
}
