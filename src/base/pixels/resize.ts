// Pillow's bilinear resize, byte for byte.
import type { RgbImage } from './rgb_image';

/** torchvision's Resize(size): the shorter side becomes `size`, the longer one keeps the proportion, truncated. */
export function resizedSize(width: number, height: number, size: number): [width: number, height: number] {
  return width <= height ? [size, Math.trunc((size * height) / width)] : [Math.trunc((size * width) / height), size];
}

/**
 * Pillow's `resize((width, height), BILINEAR)`: a triangle filter, stretched by the scale when shrinking (antialiased),
 * 22-bit weights, columns first, each pass rounded to 8 bits.
 */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  if (image.width === width && image.height === height) return image;
  const run = image.width * 3;
  return resizeBands(image, (y0, y1) => image.data.subarray(y0 * run, y1 * run), width, height);
}

/** Rows that are asked for at once. */
const BAND = 16;

/**
 * The same of a picture that comes in bands and is nowhere as a whole, so that a large one needs no copy.
 * @param band gives its rows y0 to y1, without y1: (y1 - y0) x width x 3 bytes
 */
export function resizeBands(
  size: { readonly width: number; readonly height: number },
  band: (y0: number, y1: number) => Uint8Array,
  width: number,
  height: number,
): RgbImage {
  const [across, down] = [triangle(size.width, width), triangle(size.height, height)];
  const run = width * 3;
  const row = new Uint8Array(run);
  const sums = new Int32Array(height * run).fill(1 << 21);
  /** Output rows before it are done. */
  let first = 0;
  for (let y0 = 0; y0 < size.height; y0 += BAND) {
    const y1 = Math.min(y0 + BAND, size.height);
    const rows = band(y0, y1);
    for (let y = y0; y < y1; y++) {
      shrinkRow(rows, (y - y0) * size.width * 3, across, row);
      while (first < height && down.starts[first] + down.lengths[first] <= y) first++;
      for (let o = first; o < height && down.starts[o] <= y; o++) {
        const k = y - down.starts[o];
        if (k >= down.lengths[o]) continue;
        const weight = down.weights[o * down.most + k];
        for (let j = 0, s = o * run; j < run; j++, s++) sums[s] += weight * row[j];
      }
    }
  }
  const data = new Uint8Array(sums.length);
  for (let i = 0; i < data.length; i++) data[i] = sums[i] >> 22;
  return { width, height, data };
}

/** One row of pixels, from byte `at` of `src` on. */
function shrinkRow(src: Uint8Array, at: number, { starts, lengths, weights, most }: Filter, out: Uint8Array): void {
  for (let o = 0, j = 0; o < starts.length; o++, j += 3) {
    let r = 1 << 21;
    let g = 1 << 21;
    let b = 1 << 21;
    for (let k = 0, i = at + starts[o] * 3, w = o * most; k < lengths[o]; k++, i += 3, w++) {
      r += weights[w] * src[i];
      g += weights[w] * src[i + 1];
      b += weights[w] * src[i + 2];
    }
    out[j] = r >> 22;
    out[j + 1] = g >> 22;
    out[j + 2] = b >> 22;
  }
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
