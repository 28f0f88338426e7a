// The part of the preparation that changes with every epoch, as the GPU kernel must do it: Pillow's nearest rotation.
import { mat2d } from 'gl-matrix';
import type { RgbImage } from '../base/pixels/rgb_image';

/**
 * Six integers of 1/65536 pixel: output pixel (x, y) shows the source pixel
 * u = (a[0] + a[1] x + a[2] y) >> 16, v = (a[3] + a[4] x + a[5] y) >> 16.
 */
export type Affine = readonly [number, number, number, number, number, number];

/** Pillow's `rotate(degrees, NEAREST)`: counter-clockwise about the centre of a width x height picture, same size. */
export function rotationAffine(width: number, height: number, degrees: number): Affine {
  const turn = ((degrees % 360) + 360) % 360;
  const r = -turn * (Math.PI / 180);
  const [cos, sin] = [roundTo15(Math.cos(r)), roundTo15(Math.sin(r))];
  const [cx, cy] = [width / 2, height / 2];
  // Columns first: x -> (cos, -sin), y -> (sin, cos); about the centre. Doubles: gl-matrix's own arrays are of float32, which would be off
  // by pixels of 1/65536 and sample other neighbours.
  const m: mat2d = [cos, roundTo15(-Math.sin(r)), sin, cos, cx, cy];
  mat2d.translate(m, m, [-cx, -cy]);
  const [a, d, b, e, c, f] = m;
  return [c + a * 0.5 + b * 0.5, a, b, f + d * 0.5 + e * 0.5, d, e].map(fixed) as unknown as Affine;
}

const fixed = (v: number): number => Math.floor(v * 65536 + 0.5);

/** Python's round(v, 15): `toFixed` rounds the exact binary value too. */
const roundTo15 = (v: number): number => Number(v.toFixed(15));

/**
 * Reference of the GPU kernel: output pixel (x, y) is `image` at (u, v) of `affine`, mirrored to (W - 1 - u, v) where
 * `flip`, black outside. This is the original's order: flip the picture, then rotate it.
 */
export function applyAffine(image: RgbImage, affine: Affine, flip: boolean): RgbImage {
  const { width, height, data } = image;
  const out = new Uint8Array(data.length);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const u = (affine[0] + affine[1] * x + affine[2] * y) >> 16;
      const v = (affine[3] + affine[4] * x + affine[5] * y) >> 16;
      if (u < 0 || v < 0 || u >= width || v >= height) continue;
      const i = (v * width + (flip ? width - 1 - u : u)) * 3;
      out[o] = data[i];
      out[o + 1] = data[i + 1];
      out[o + 2] = data[i + 2];
    }
  }
  return { width, height, data: out };
}
