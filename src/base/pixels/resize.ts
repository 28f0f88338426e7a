// Pillow's bilinear resize, byte for byte.
import type { RgbImage } from './rgb_image';

/** torchvision's Resize(size): the shorter side becomes `size`, the longer one keeps the proportion, truncated. */
export function resizedSize(width: number, height: number, size: number): [width: number, height: number] {
  return width <= height ? [size, Math.trunc((size * height) / width)] : [Math.trunc((size * width) / height), size];
}

/**
 * Pillow's `resize((width, height), BILINEAR)`: a triangle filter, stretched by the scale when shrinking (antialiased),
 * 22-bit weights, columns first, each pass rounded to 8 bits; a pass that changes nothing is skipped.
 */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  const { width: w, height: h } = image;
  const wide = w === width ? image.data : onePass(image.data, h, w, width, 1);
  return { width, height, data: h === height ? wide : onePass(wide, 1, h, height, width) };
}

/** Resizes the middle axis of [outer][from][inner][3]. */
function onePass(src: Uint8Array, outer: number, from: number, to: number, inner: number): Uint8Array {
  const { starts, lengths, weights, most } = triangle(from, to);
  const run = inner * 3;
  const out = new Uint8Array(outer * to * run);
  for (let n = 0; n < outer; n++) {
    for (let o = 0; o < to; o++) {
      const first = (n * from + starts[o]) * run;
      const target = (n * to + o) * run;
      for (let j = 0; j < run; j++) {
        let sum = 1 << 21;
        for (let k = 0, i = first + j; k < lengths[o]; k++, i += run) sum += weights[o * most + k] * src[i];

        out[target + j] = Math.max(0, Math.min(sum >> 22, 255));
      }
    }
  }
  return out;
}

interface Filter {
  starts: Int32Array;
  lengths: Int32Array;
  /** `most` places an output position, of 2^-22 each. */
  weights: Int32Array;
  most: number;
}

function triangle(from: number, to: number): Filter {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const filter = { starts: new Int32Array(to), lengths: new Int32Array(to), weights: new Int32Array(to * most), most };
  for (let o = 0; o < to; o++) {
    const centre = (o + 0.5) * scale;
    const low = Math.max(Math.trunc(centre - support + 0.5), 0);
    const high = Math.min(Math.trunc(centre + support + 0.5), from);
    const raw = Array.from({ length: high - low }, (_, k) =>
      Math.max(0, 1 - Math.abs((low + k - centre + 0.5) / support)),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    filter.starts[o] = low;
    filter.lengths[o] = high - low;
    raw.forEach((v, k) => {
      filter.weights[o * most + k] = Math.floor((v / sum) * 2 ** 22 + 0.5);
    });
  }
  return filter;
}
