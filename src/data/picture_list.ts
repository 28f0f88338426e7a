// Pictures to look at: files, folders of them, and lists with or without face boxes and landmarks.
import { dirname, extname, resolve } from 'node:path';
import { InputError } from '../base/errors';
import { eyeCentres } from '../base/pixels/align';
import type { Box } from '../base/pixels/crop';
import type { RgbImage } from '../base/pixels/rgb_image';
import { readCsv } from './csv';
import type { KnownFace } from './face';
import { lookAt, readText } from './files';
import { ImageRoot } from './image_root';
import { numbersOf } from './numbers';
import { ENDINGS, picturesBelow } from './picture_folder';
import { framesOf, isVideoName } from './video';

export interface ListedPicture {
  /** The file, for people. */
  readonly file: string;
  /** Its path: bytes where a folder was looked through, since a name need not be UTF-8. */
  readonly path: string | Buffer;
  /** What is known of the face; null: the picture shows it. */
  readonly face: KnownFace;
  /** Of a given face: 68 points as x0, y0, x1, y1, ..., if they are known. */
  readonly landmarks: readonly number[] | null;
  /** Folder that its file named it in, which no link may lead out of; null: a person named it. */
  readonly root: ImageRoot | null;
  /** Why it may not be used: its path leads out of that folder. */
  readonly problem: string | null;
  /** Named itself, so that it must be usable; those of folders and lists may be passed over. */
  readonly named: boolean;
  /** Of a frame of a video: seconds from its start; null: a photograph. */
  readonly time: number | null;
  /** A frame's pixels, which are no file of their own; null: they are read from `path`. */
  readonly frame: RgbImage | null;
}

/** Where pictures are looked for. */
export interface ListSettings {
  /** Where the paths in lists start, and what they and links must stay in; null: the list's folder, or the folder. */
  readonly imageDir: string | null;
  /** Frames a second: of videos those that are taken, null: all; with it a folder is a video, of which it has so many. */
  readonly fps?: number | null;
  readonly signal?: AbortSignal;
}

/** A picture that is a file of its own, of which nothing is known. */
const PHOTOGRAPH = { face: null, landmarks: null, time: null, frame: null } as const;

const BOX = ['face_x', 'face_y', 'face_width', 'face_height'] as const;
const COLUMNS = ['image', 'subDirectory_filePath', ...BOX, 'facial_landmarks'];

/**
 * The pictures that `source` stands for:
 * - a picture file;
 * - a video file: an animated GIF or WebP, or what ffmpeg reads: its frames, with their times. In folders and lists there are none;
 * - a folder: the pictures in it and below, by name, each once however links lead to it; with `fps` frames of a video, in natural order
 *   (frame2 before frame10);
 * - a `.txt`: a path a line;
 * - a `.csv`: a column `image` (or AffectNet's `subDirectory_filePath`), if there are `face_x, face_y, face_width, face_height` the
 *   face boxes in pixels, and if there are `facial_landmarks` 68 points `x;y;…`, by whose eyes a face is levelled. Empty fields:
 *   not known. Paths in lists start from `imageDir`, by default the list's folder.
 * What a list or a link in a folder leads to must lie in `imageDir`, by default the list's folder or the folder: see `ImageRoot`.
 * @param say hears what of a folder is passed over
 * @throws InputError naming the source, with the line of a list
 */
export async function* listPictures(
  source: string,
  { imageDir, fps = null, signal }: ListSettings,
  say: (line: string) => void = () => {},
): AsyncGenerator<ListedPicture> {
  const ending = extname(source).toLowerCase();
  const from = imageDir ?? dirname(source);
  const listedIn =
    (root: ImageRoot) =>
    (name: string, known: Known | null): ListedPicture => {
      const file = resolve(from, name);
      return { ...PHOTOGRAPH, ...known, file, path: file, root, problem: problemOf(root, name), named: false };
    };
  if (lookAt(source) === 'a folder') {
    const { pictures, passedOver } = picturesBelow(source, new ImageRoot(imageDir ?? source));
    if (passedOver) say(`passed over in ${source}: ${passedOver}`);
    if (pictures.length === 0)
      throw new InputError(`${source}: expected pictures (${[...ENDINGS].join(' ')}), found none in this folder`);
    if (fps !== null) pictures.sort(naturally);
    for (const [i, { file, path }] of pictures.entries()) {
      const time = fps === null ? null : i / fps;
      yield { ...PHOTOGRAPH, file, path, root: null, problem: null, named: false, time };
    }
  } else if (ending === '.csv') yield* listed(source, listedIn(new ImageRoot(from)));
  else if (ending === '.txt') {
    const listedAt = listedIn(new ImageRoot(from));
    const lines = (await readText(source)).split(/\r\n|\n|\r/);
    for (const line of lines) if (line.trim()) yield listedAt(line.trim(), null);
  } else {
    const picture = { ...PHOTOGRAPH, file: source, path: source, root: null, problem: null, named: true };
    const frames = await framesOf(source, { fps, signal }, say);
    if (!frames) yield picture;
    else for await (const { time, image } of frames) yield { ...picture, time, frame: image };
  }
}

/** Whether `listPictures` gives frames of a source, with times. @throws InputError if it cannot be read */
export async function isVideo(source: string, fps: number | null): Promise<boolean> {
  if (lookAt(source) === 'a folder') return fps !== null;
  return !isList(source) && (await framesOf(source, { fps })) !== null;
}

const isList = (source: string): boolean => /\.(csv|txt)$/i.test(source);

const { compare } = new Intl.Collator('en', { numeric: true });

/** Numbers in names by what they are worth. */
const naturally = (a: { file: string }, b: { file: string }): number =>
  compare(a.file, b.file) || (a.file < b.file ? -1 : 1);

/** Why what a list names may not be used; null: it may. */
const problemOf = (root: ImageRoot, name: string): string | null =>
  root.problemOf(name) ?? (isVideoName(name) ? 'a video; videos are named themselves, not in a list' : null);

async function* listed(
  source: string,
  listedAt: (name: string, known: Known | null) => ListedPicture,
): AsyncGenerator<ListedPicture> {
  for await (const { fields, line, problem } of readCsv(source, COLUMNS, () => {})) {
    const fail = (message: string): never => {
      throw new InputError(`${source}: line ${line}: ${message}`);
    };
    if (problem) fail(problem);
    const name = fields.image ?? fields.subDirectory_filePath;
    if (!name) fail('expected a path in a column image or subDirectory_filePath, found none');
    yield listedAt(name as string, knownFace(fields, fail));
  }
}

type Known = Pick<ListedPicture, 'face' | 'landmarks'>;

function knownFace(row: Readonly<Record<string, string>>, fail: (message: string) => never): Known | null {
  const numbers = BOX.map((column) => (row[column] ? Math.trunc(Number(row[column])) : null));
  const landmarks = row.facial_landmarks;
  if (numbers.every((v) => v === null)) {
    if (landmarks)
      fail('facial_landmarks without a face box: face_x, face_y, face_width and face_height are needed too');
    return null;
  }
  const box = numbers.map((v, i) => (Number.isFinite(v) ? (v as number) : fail(`${BOX[i]}: expected a number`)));
  if (box[2] < 1 || box[3] < 1) fail(`face box: expected a size of 1 or more, found ${box[2]} x ${box[3]}`);
  if (!landmarks) return { face: { box: box as unknown as Box }, landmarks: null };
  const points = numbersOf(landmarks);
  if (points.length !== 136 || !points.every(Number.isFinite))
    fail(`facial_landmarks: expected 136 numbers x;y;…, found ${points.filter(Number.isFinite).length}`);
  const [leftEye, rightEye] = eyeCentres(points);
  if (leftEye.join() === rightEye.join()) fail(`facial_landmarks: both eyes are at ${leftEye.join(', ')}`);
  return { face: { box: box as unknown as Box, leftEye, rightEye }, landmarks: points };
}
