// A set of made-up faces in AffectNet's layout, so that everything can be tried without AffectNet.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../base/errors';
import { inParallel } from '../../base/parallel';
import { alignMatrix, eyeCentres, type Point } from '../../base/pixels/align';
import type { Box } from '../../base/pixels/crop';
import type { RgbImage } from '../../base/pixels/rgb_image';
import { randomPermutation, randomStream, randomUniform } from '../../base/random';
import { makeFolders, replaceFile } from '../files';
import { CLASSES } from '../labels';
import { AFFECTNET_COLUMNS } from '../layouts/csv';
import { renameOver } from '../platform';
import { drawFace } from './synthetic_face';
import type { Draw } from './synthetic_paint';

export interface SyntheticOptions {
  /** Directory to write. New, empty, or an older synthetic set, of which nothing is left. */
  out: string;
  /** Faces for training. */
  n: number;
  /** Faces for validation; default a quarter of n, at least one a class. */
  validation?: number;
  seed?: number;
  /** Side of the pictures in pixels; default 144, of the npy release 224, else 112. */
  size?: number;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Valence and arousal around which the faces of a class lie, about as on Russell's circumplex (1980). None lies in the middle of an
 * axis, so that each class has an edge with both in the label graph: of an axis that lacks a class the graph makes, at first, a
 * classifier of that class, and its CCC is long in coming.
 */
const PROTOTYPES: Record<(typeof CLASSES)[number], Point> = {
  Neutral: [0.2, -0.4],
  Happy: [0.75, 0.45],
  Sad: [-0.55, -0.45],
  Surprise: [0.45, 0.6],
  Fear: [-0.4, 0.6],
  Disgust: [-0.5, -0.3],
  Anger: [-0.55, 0.5],
};
const SPREAD = 0.3;
/** The file that marks a directory as a synthetic set, and says how it was made. */
const MARK = 'synthetic.json';
/** What the layouts have in it. */
const WRITTEN = [
  ...['images', 'training.csv', 'validation.csv', 'annotations', 'videos'],
  ...['train_set', 'val_set', 'train', 'val', 'valence_arousal.csv'],
];
/** Pictures in work at once: as many as libuv has threads. */
export const PARALLEL = 4;

/**
 * Draws faces and writes them as an AffectNet-style tree. Each class has the same number of faces (up to one); the same
 * options give the same set, and a longer set begins like a shorter one.
 *
 * @returns the two annotation files
 * @throws InputError if `out` holds something else, or an option is out of range
 * @example
 * const { training } = await writeSyntheticSet({ out: 'drawn', n: 7, validation: 7, size: 64 });
 * training.endsWith('training.csv'); // true
 */
export async function writeSyntheticSet(options: SyntheticOptions): Promise<{ training: string; validation: string }> {
  const { out, counts, seed, size, progress } = await openSyntheticSet(options, 144);
  const files = { training: join(out, 'training.csv'), validation: join(out, 'validation.csv') };
  for (const part of PARTS) {
    const rows = await drawPart(out, part, counts[part], seed, size, progress);
    await replaceFile(files[part], `${[AFFECTNET_COLUMNS.join(','), ...rows].join('\n')}\n`);
  }
  return files;
}

/**
 * Makes and marks the directory of a synthetic set, and fills in what its options leave open.
 * @throws InputError if it holds something else, or an option is out of range
 */
export async function openSyntheticSet(options: SyntheticOptions, side: number) {
  const { out, n, seed = 0, size = side, onProgress } = options;
  const validation = options.validation ?? Math.max(CLASSES.length, Math.round(n / 4));
  for (const [name, value, least] of [
    ['n', n, 1],
    ['validation', validation, 1],
    ['size', size, 32],
  ] as const) {
    if (!Number.isInteger(value) || value < least)
      throw new InputError(`${name}: expected an integer of ${least} or more, found ${value}`);
  }
  if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, MARK))) {
    throw new InputError(`${out}: expected a new or empty directory, or a synthetic set, found something else in it`);
  }
  makeFolders(out);
  await replaceFile(join(out, MARK), `${JSON.stringify({ n, validation, seed, size }, null, 2)}\n`);
  for (const name of WRITTEN) await rm(join(out, name), { recursive: true, force: true });
  let done = 0;
  const counts = { training: n, validation };
  return { out, counts, seed, size, progress: () => onProgress?.(++done, n + validation) };
}

/** What the random numbers of a face are drawn by, whatever the layout. */
export const PARTS = ['training', 'validation'] as const;

/** Writes one of a set's many files, as a whole also where the program is killed. It can be drawn again, and does not wait for the disk. */
export async function writeDrawn(file: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.tmp`;
  await writeFile(temporary, content);
  await renameOver(temporary, file);
}

/** Draws the faces of one part and gives their CSV rows. */
async function drawPart(
  out: string,
  part: string,
  count: number,
  seed: number,
  size: number,
  progress: () => void,
): Promise<string[]> {
  await mkdir(join(out, 'images', part), { recursive: true });
  const rows = new Array<string>(count);
  await inParallel(count, PARALLEL, async (i) => {
    const image = `images/${part}/${String(i).padStart(5, '0')}.jpg`;
    const expression = classOf(part, i, seed);
    const { picture, box, landmarks, valence, arousal } = await makeFace(expression, size, drawOf(part, i, seed));
    await writeDrawn(join(out, image), await toJpeg(picture));
    const points = landmarks.map(([x, y]) => `${x.toFixed(2)};${y.toFixed(2)}`).join(';');
    rows[i] = [image, ...box, points, expression, valence, arousal].join(',');
    progress();
  });
  return rows;
}

/** The random numbers of face `i`. */
export function drawOf(part: string, i: number, seed: number): Draw {
  const stream = randomStream(`${part}/${i}`, seed);
  let at = 0;
  return () => randomUniform(stream, at++);
}

/** Each run of seven faces holds every class once, in random order. */
export function classOf(part: string, i: number, seed: number): number {
  const k = CLASSES.length;
  return randomPermutation(randomStream(`${part}/classes/${Math.floor(i / k)}`, seed), k)[i % k];
}

/** A drawn face as AffectNet would have it. */
interface SyntheticFace {
  picture: RgbImage;
  box: Box;
  /** The square that holds it, upright in the picture. */
  whole: Box;
  landmarks: Point[];
  valence: number;
  arousal: number;
}

/** A face of one of AffectNet's seven classes in a picture of `size` x `size`. */
export async function makeFace(expression: number, size: number, draw: Draw): Promise<SyntheticFace> {
  const label = (middle: number) => {
    const value = middle + SPREAD * (draw() + draw() - 1);
    return Number(Math.min(Math.max(value, -1), 1).toFixed(4));
  };
  const [valence, arousal] = PROTOTYPES[CLASSES[expression]].map(label);
  const { svg, landmarks, frame } = drawFace(expression, valence, arousal, size, draw);
  const [blur, noise] = [0.3 + 0.6 * draw(), 2 + 8 * draw()];
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .blur(blur)
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let i = 0; i < data.length; i++)
    data[i] = Math.max(0, Math.min(255, data[i] + noise * (draw() + draw() + draw() + draw() - 2) * 1.7));
  const picture = { width: info.width, height: info.height, data };
  const corner = frame.middle.map((v) => Math.round(v - frame.side / 2));
  const whole = [corner[0], corner[1], Math.round(frame.side), Math.round(frame.side)] as const;
  return { picture, box: faceBox(landmarks, frame, draw), whole, landmarks, valence, arousal };
}

export const toJpeg = ({ width, height, data }: RgbImage): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();

/**
 * The face box as AffectNet's: upper left corner and size. The preparation moves the corner by the rotation that levels
 * the eyes and keeps the box upright, so the corner is where it will frame the levelled face, within a few per cent.
 */
function faceBox(landmarks: Point[], { middle, side }: { middle: Point; side: number }, draw: Draw): Box {
  const [a, b, c, d, e, f] = alignMatrix(...eyeCentres(landmarks.flat()));
  const jitter = () => side * 0.06 * (2 * draw() - 1);
  const size = Math.round(side * (0.95 + 0.1 * draw()));
  const x = a * middle[0] + b * middle[1] + c - size / 2 + jitter() - c;
  const y = d * middle[0] + e * middle[1] + f - size / 2 + jitter() - f;
  // The inverse of a rotation is its transpose.
  return [Math.round(a * x + d * y), Math.round(b * x + e * y), size, size];
}
