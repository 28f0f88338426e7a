// Pictures through affine maps: whole numbers, then a look-up.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { device } from '../../gpu';
import { small } from '../draws';
import { uniforms } from '../problem';
import { type Property, property } from '../property';
import { add, constant, multiply, type Scalar } from '../reference/scalar';

interface Kind {
  readonly color: boolean;
  readonly erased: boolean;
  readonly share: number | null;
  readonly order: 'rgb' | 'bgr';
}

const affineImage = property(
  fc.record({
    n: small(1, 3),
    h: small(1, 9),
    w: small(1, 9),
    seed: fc.nat(),
    // Each is a kernel of its own, which a CPU driver compiles for seconds.
    kind: fc.constantFrom<Kind>(
      { color: false, erased: false, share: null, order: 'rgb' },
      { color: true, erased: true, share: 0.25, order: 'bgr' },
    ),
  }),
  ({ n, h, w, seed, kind: { color, erased, share, order } }, dtype) => {
    const next = uniforms('pictures', seed);
    const whole = (size: number, low: number, high: number): number[] =>
      Array.from({ length: size }, () => Math.floor(low + next() * (high - low)));
    const one = 65_536;
    const batch = {
      ...{ n, h, w, share },
      images: Uint8Array.from(whole(n * h * w * 3, 0, 256)),
      // Turned, made larger or smaller and moved, beyond the edges too.
      affine: Int32Array.from(
        Array.from({ length: 2 * n }, () => [...whole(1, -2 * one, 8 * one), ...whole(2, -2 * one, 2 * one)]).flat(),
      ),
      flip: Uint32Array.from(whole(n, 0, 2)),
      color: color ? Int32Array.from(whole(3 * n, 0, 8192)) : null,
      erased: erased ? Int32Array.from(whole(4 * n, 0, 9)) : null,
    };
    return {
      inputs: [{ base: { shape: [256, 3], fixed: true } }],
      run: ([table]) => [F.affineImage(device, batch, table, { dtype, order })],
      reference: ([table]) => [shownAll(batch, table, order)],
    };
  },
);

type Rgb = readonly number[];

function shownAll(batch: F.ImageBatch, table: readonly Scalar[], order: 'rgb' | 'bgr'): Scalar[] {
  const { n, h, w, share = null } = batch;
  const result: Scalar[] = [];
  for (let image = 0; image < n; image++)
    for (let channel = 0; channel < 3; channel++)
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const of = (i: number): Scalar => {
            const byte = shown(batch, i, x, y)?.[order === 'rgb' ? channel : 2 - channel];
            return byte === undefined ? constant(0) : table[byte * 3 + channel];
          };
          const own = of(image);
          result.push(
            share === null
              ? own
              : add(multiply(constant(share), own), multiply(constant(1 - share), of(n - 1 - image))),
          );
        }
  return result;
}

/** What pixel (x, y) shows of a picture; nothing where it is erased. */
function shown(
  { h, w, images, affine, flip, color, erased }: F.ImageBatch,
  i: number,
  x: number,
  y: number,
): Rgb | null {
  if (erased) {
    const [left, top, width, height] = erased.subarray(4 * i, 4 * i + 4);
    if (x >= left && x < left + width && y >= top && y < top + height) return null;
  }
  const [a0, a1, a2, a3, a4, a5] = affine.subarray(6 * i, 6 * i + 6);
  const [u, v] = [(a0 + a1 * x + a2 * y) >> 16, (a3 + a4 * x + a5 * y) >> 16];
  if (u < 0 || v < 0 || u >= w || v >= h) return [0, 0, 0];
  const picture = Array.from({ length: h * w }, (_, p) => [
    ...images.subarray((i * h * w + p) * 3, (i * h * w + p) * 3 + 3),
  ]);
  const pixel = picture[v * w + (flip[i] ? w - 1 - u : u)];
  return color ? recolored(pixel, picture, color.subarray(3 * i, 3 * i + 3)) : pixel;
}

const gray = ([r, g, b]: Rgb): number => (19_595 * r + 38_470 * g + 7471 * b + 32_768) >> 16;

/** Pillow's ImageEnhance: brightness, contrast about the brightened picture's mean gray, saturation. */
function recolored(pixel: Rgb, picture: readonly Rgb[], [brightness, contrast, saturation]: Int32Array): Rgb {
  const blend = (base: number, rgb: Rgb, factor: number): Rgb =>
    rgb.map((v) => Math.min(255, Math.max(0, (base * 4096 + factor * (v - base)) >> 12)));
  const sum = picture.reduce((all, p) => all + gray(blend(0, p, brightness)), 0);
  const contrasted = blend(Math.floor(sum / picture.length + 0.5), blend(0, pixel, brightness), contrast);
  return blend(gray(contrasted), contrasted, saturation);
}

export const IMAGES: Readonly<Record<string, Property>> = { affineImage };
