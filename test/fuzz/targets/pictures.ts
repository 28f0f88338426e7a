// What is asked of pictures, whatever their format.
import sharp, { type Sharp } from 'sharp';
import { decodeImage } from '../../../src/data';
import { headerOf, ImageError } from '../../../src/data/image';
import { ImageRoot } from '../../../src/data/image_root';
import { glanceAt } from '../../../src/data/picture_glance';
import { place, put } from '../files';
import type { Target } from '../target';

/** Pixels of larger ones take memory and time in proportion, which test/hostile/memory looks at. */
const MOST_PIXELS = 2 ** 20;

const SIDES = [20, 15] as const;
const pixels = Uint8Array.from({ length: 3 * SIDES[0] * SIDES[1] }, (_, i) => (i * i) % 251);
export const drawn = (): Sharp => sharp(pixels, { raw: { width: SIDES[0], height: SIDES[1], channels: 3 } });
export const ppm = (): Uint8Array => Buffer.concat([Buffer.from(`P6 ${SIDES.join(' ')} 255\n`), pixels]);

/** Decodes a picture, and looks at its ends as `inspect` does: what both say of its size is the same. */
async function read(bytes: Uint8Array): Promise<void> {
  const header = await headerOf(bytes);
  if (header && header.width * header.height > MOST_PIXELS) throw new ImageError('too large for a case');
  const file = put('fuzzed.picture', bytes);
  const { width, height, data } = await decodeImage(bytes);
  if (data.length !== 3 * width * height) throw new Error(`${data.length} bytes of ${width} x ${height}`);
  const glance = await glanceAt(file, false, new ImageRoot(place('.')));
  const [a, b] = [
    [width, height],
    [glance.width, glance.height],
  ].map((sides) => sides.toSorted((x, y) => x - y).join());
  if (a !== b) throw new Error(`a picture of ${a} whose header says ${b}`);
}

export const pictures = (seeds: Target['seeds']): Target => ({ names: '', refusal: ImageError, seeds, read });
