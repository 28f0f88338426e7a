// A picture of samples by class: a row a class, a block a set, the faces as training sees them.

import { resolve } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import { inParallel } from '../../base/parallel';
import type { RgbImage } from '../../base/pixels/rgb_image';
import type { Canvas } from '../../base/pixels/warp';
import { type AnnotationSet, decodeImage, ImageError, prepareFace, readPicture, type Sample } from '../../data';
import { writeWhole } from '../../data/files';
import { ImageRoot } from '../../data/image_root';
import { textToPaths } from '../reports/charts/lettering';
import { poseOf } from './pose';

/** Faces of a class in a block. */
const FACES = 8;
/** Pixels: a face's side, between faces, beside all, before the faces, above them. */
const [SIDE, GAP, EDGE, NAMES, HEADING] = [80, 4, 12, 130, 32];
const BLOCK = FACES * (SIDE + GAP) + EDGE;
const PARALLEL = 4;

/**
 * Writes a PNG with up to eight faces of each class and set, spread evenly over its samples; the place of one that cannot be read stays grey.
 * @throws MachineError if it cannot be written
 */
export async function writeContactSheet(
  file: string,
  sets: Readonly<Record<string, AnnotationSet>>,
  classes: readonly string[],
  canvas: Canvas,
): Promise<void> {
  const blocks = Object.entries(sets);
  const [width, height] = [
    EDGE + NAMES + blocks.length * BLOCK,
    EDGE + HEADING + classes.length * (SIDE + GAP) + EDGE - GAP,
  ];
  const faces: OverlayOptions[] = [];
  const shapes: string[] = [];
  const text = (x: number, y: number, content: string, style: string): void => {
    const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    shapes.push(
      `<text x="${x}" y="${y}" dominant-baseline="central" fill="#24292f" style="${style}">${escaped}</text>`,
    );
  };
  for (const [c, name] of classes.entries()) {
    const middle = EDGE + HEADING + c * (SIDE + GAP) + SIDE / 2;
    text(EDGE, middle, name.length > 18 ? `${name.slice(0, 17)}…` : name, 'font:bold 13px');
  }
  for (const [b, [name, set]] of blocks.entries()) {
    const left = EDGE + NAMES + b * BLOCK;
    text(left, EDGE + HEADING / 2 - 4, `${name}: ${set.samples.length}`, 'font:bold 14px');
    const places = classes.flatMap((_, c) => spread(set, c).map((sample, k) => ({ sample, c, k })));
    const root = set.root === null ? null : new ImageRoot(set.root);
    await inParallel(places.length, PARALLEL, async (i) => {
      const { sample, c, k } = places[i];
      const [x, y] = [left + k * (SIDE + GAP), EDGE + HEADING + c * (SIDE + GAP)];
      const face = root && (await faceOf(set.root as string, root, sample, canvas));
      if (face)
        faces.push({ input: Buffer.from(face.data), raw: { width: SIDE, height: SIDE, channels: 3 }, left: x, top: y });
      else shapes.push(`<rect x="${x}" y="${y}" width="${SIDE}" height="${SIDE}" fill="#d8dee4"/>`);
    });
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.sort().join('')}</svg>`;
  const sheet = sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...faces, { input: Buffer.from(textToPaths(svg)), left: 0, top: 0 }])
    .removeAlpha()
    .png();
  await writeWhole(file, await sheet.toBuffer());
}

/** Samples of a class, evenly spread over a set. */
function spread({ samples }: AnnotationSet, c: number): Sample[] {
  const members: number[] = [];
  for (let i = 0; i < samples.length; i++) if (samples.expressionAt(i) === c) members.push(i);
  const n = Math.min(FACES, members.length);
  return Array.from({ length: n }, (_, k) => samples.at(members[Math.floor(((k + 0.5) * members.length) / n)]));
}

/** The prepared face; null: it cannot be read. */
async function faceOf(dir: string, root: ImageRoot, sample: Sample, canvas: Canvas): Promise<RgbImage | null> {
  try {
    const picture = await decodeImage(await readPicture(resolve(dir, sample.image), root));
    return prepareFace(picture, await poseOf(dir, root, sample, picture), SIDE, canvas);
  } catch (error) {
    if (error instanceof ImageError) return null;
    throw error;
  }
}
