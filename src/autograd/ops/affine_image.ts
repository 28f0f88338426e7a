import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import * as kernels from '../../kernels/affine_image';
import { empty, type Tensor } from '../tensor';
import { wantFloat32 } from './check';

/** A batch of N pictures of H x W pixels, as read. */
export interface ImageBatch {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  /** N * H * W * 3 bytes of RGB. */
  readonly images: Uint8Array;
  /**
   * N * 6 integers of 1/65536 pixel: pixel (x, y) of the result shows (u, v) = ((a0 + a1 x + a2 y) >> 16,
   * (a3 + a4 x + a5 y) >> 16) of the picture.
   */
  readonly affine: Int32Array;
  /** N, 1 where the picture is mirrored, left to right, before it is mapped. */
  readonly flip: Uint32Array;
  /**
   * N * 3 factors in 1/4096: brightness, contrast and saturation of the pictures as read, in this order, each with the bytes of Pillow's
   * ImageEnhance. Default: colors as they are.
   */
  readonly color?: Int32Array | null;
  /** N * 4: x, y, width and height of a box in which the result is 0. Default: none. */
  readonly erased?: Int32Array | null;
  /** The result is `share` of each picture and 1 - share of its partner, N - 1 - i, made alike. Default: nothing is mixed. */
  readonly share?: number | null;
}

/**
 * Pictures through an affine map each, with nearest sampling, black outside, and normalised: [N, 3, H, W] of
 * table[byte, channel]. Exact: integers, then a look-up (rounded once for a `dtype` of f16), unless pictures are mixed: two products and a
 * sum. Has no gradient.
 * @param table [256, 3]: what each byte becomes in each channel, in `order`
 * @param order of the result's channels
 * @throws InputError when the arrays do not fit the sizes, or the share is no share.
 * @example
 * const table = tensor(device, Float32Array.from({ length: 768 }, (_, i) => Math.floor(i / 3) / 255), [256, 3]);
 * const one = 65536; // the map that leaves each pixel where it is
 * const affine = Int32Array.of(0, one, 0, 0, 0, one);
 * const batch = { n: 1, h: 1, w: 2, images: Uint8Array.of(255, 0, 0, 0, 0, 255), affine, flip: Uint32Array.of(1) };
 * await affineImage(device, batch, table).data(); // [0, 1, 0, 0, 1, 0]
 */
export function affineImage(
  device: Device,
  batch: ImageBatch,
  table: Tensor,
  { dtype = 'f32', order = 'rgb' }: { readonly dtype?: 'f32' | 'f16'; readonly order?: 'rgb' | 'bgr' } = {},
): Tensor {
  const { n, h, w, images, affine, flip, color = null, erased = null, share = null } = batch;
  const sizes: [string, number, number][] = [
    ['images', images.length, n * h * w * 3],
    ['affine', affine.length, n * 6],
    ['flip', flip.length, n],
    ['color', color?.length ?? n * 3, n * 3],
    ['erased', erased?.length ?? n * 4, n * 4],
  ];
  for (const [what, found, expected] of sizes)
    if (found !== expected)
      throw new InputError(
        `affine_image of ${n} pictures of ${w}x${h}: expected ${expected} numbers in ${what}, found ${found}`,
      );
  wantFloat32('affine_image', table);
  if (table.shape.join() !== '256,3' || !table.contiguous)
    throw new InputError(`affine_image: table must be [256, 3] and no slice, found ${table}`);
  if (share !== null && !(share >= 0 && share <= 1))
    throw new InputError(`affine_image: share must be from 0 to 1, found ${share}`);
  const upload = (data: Uint8Array | Int32Array | Uint32Array | Float32Array, what: string, more = 0): Storage => {
    const storage = device.alloc(Math.ceil((data.byteLength + more) / 4) * 4, `affine_image.${what}`);
    device.upload(storage, data);
    return storage;
  };
  const y = empty(device, [n, 3, h, w], { dtype, name: 'images' });
  const scratch = {
    images: upload(images, 'images'),
    affine: upload(affine, 'affine'),
    flip: upload(flip, 'flip'),
    color: color && upload(color, 'color', n * 4),
    erased: erased && upload(erased, 'erased'),
    share: share === null ? null : upload(Float32Array.of(share, 1 - share), 'share'),
  };
  if (scratch.color) kernels.meanGray(device, n, h, w, scratch.images, scratch.color);
  kernels.affineImage(device, n, h, w, y.dtype, order, { ...scratch, table: table.storage, y: y.storage });
  for (const s of Object.values(scratch)) if (s) device.free(s);
  return y;
}
