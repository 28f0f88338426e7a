// Pictures.
import * as F from '../../../src/autograd';
import { argument, device, F16, float32Only, NAN, PLAIN, slice, type Trial, t, U32 } from './trials';

const image = {
  n: 2,
  h: 4,
  w: 3,
  images: new Uint8Array(72),
  affine: new Int32Array(12),
  flip: new Uint32Array(2),
};

const table = t('table', [256, 3]);

const arrays = (
  name: 'images' | 'affine' | 'flip' | 'color' | 'erased',
  size: number,
  Kind: typeof Int32Array | typeof Uint8Array | typeof Uint32Array,
) =>
  argument(
    (length: number) => F.affineImage(device, { ...image, [name]: new Kind(length) }, table),
    [size],
    [size - 1, size + 1, 0],
    (found) => `affine_image of 2 pictures of 3x4: expected ${size} numbers in ${name}, found ${found}`,
  );

export const IMAGES: Readonly<Record<string, readonly Trial[]>> = {
  affineImage: [
    arrays('images', 72, Uint8Array),
    arrays('affine', 12, Int32Array),
    arrays('flip', 2, Uint32Array),
    arrays('color', 6, Int32Array),
    arrays('erased', 8, Int32Array),
    argument(
      (table: F.Tensor) => F.affineImage(device, image, table),
      [t('table', [256, 3]), t('table', [256, 3], PLAIN)],
      [t('t', [255, 3]), t('t', [256, 4]), t('t', [768]), t('t', [3, 256]), slice('t', [256, 3])],
      (table) => `affine_image: table must be [256, 3] and no slice, found ${table}`,
    ),
    argument(
      (table: F.Tensor) => F.affineImage(device, image, table),
      [],
      [t('t', [256, 3], F16), t('t', [256, 3], U32)],
      float32Only('affine_image'),
    ),
    argument(
      (share: number) => F.affineImage(device, { ...image, share }, table),
      [0, 0.5, 1],
      [-1e-9, 1.001, NAN],
      (share) => `affine_image: share must be from 0 to 1, found ${share}`,
    ),
  ],
};
