// Pillow's bilinear resize, byte for byte.

import binary from './resize.wat';
import type { RgbImage } from './rgb_image';
import { BAND, WasmKernel } from './wasm_kernel';

const kernel = new WasmKernel<'across' | 'add' | 'finish'>(binary);

/**
 * torchvision's Resize(size): the shorter side becomes `size`, the longer one keeps the proportion, truncated.
 * @example
 * resizedSize(640, 480, 240); // [320, 240]
 */
export function resizedSize(width: number, height: number, size: number): [width: number, height: number] {
  return width <= height ? [size, Math.trunc((size * height) / width)] : [Math.trunc((size * width) / height), size];
}

/**
 * Pillow's `resize((width, height), BILINEAR)`: a triangle filter, stretched by the scale when shrinking (antialiased),
 * 22-bit weights, columns first, each pass rounded to 8 bits.
 * @example
 * resizePicture({ width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 100, 100, 100) }, 1, 1).data; // [50, 50, 50]
 */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  if (image.width === width && image.height === height) return image;
  const run = image.width * 3;
  return resizeBands(image, (y0, y1) => image.data.subarray(y0 * run, y1 * run), width, height);
}

/**
 * The same of a picture that comes in bands and is nowhere as a whole, so that a large one needs no copy.
 * @param band gives its rows y0 to y1, without y1: (y1 - y0) x width x 3 bytes, which are read before the next call
 */
export function resizeBands(
  size: { readonly width: number; readonly height: number },
  band: (y0: number, y1: number) => Uint8Array,
  width: number,
  height: number,
): RgbImage {
  const [across, down] = [triangle(size.width, width), triangle(size.height, height)];
  const run = width * 3;
  const work = openKernel(size.width, across, run, height) ?? inScript(size.width, across, run, height);
  /** Output rows before it are done. */
  let first = 0;
  for (let y0 = 0; y0 < size.height; y0 += BAND) {
    const y1 = Math.min(y0 + BAND, size.height);
    work.take(band(y0, y1), y1 - y0);
    for (let y = y0; y < y1; y++) {
      while (first < height && down.starts[first] + down.lengths[first] <= y) first++;
      for (let o = first; o < height && down.starts[o] <= y; o++) {
        const k = y - down.starts[o];
        if (k < down.lengths[o]) work.add(y - y0, down.weights[o * down.most + k], o);
      }
    }
  }
  return { width, height, data: work.finish() };
}

/** One picture that is being resized. */
interface Work {
  /** Shrinks the `rows` rows of a band across. */
  take(band: Uint8Array, rows: number): void;
  /** Adds row `r` of the band, with a weight, to output row `o`. */
  add(r: number, weight: number, o: number): void;
  finish(): Uint8Array;
}

const HALF = 1 << 21;

const multipleOf8 = (n: number): number => Math.ceil(n / 8) * 8;

/** By the kernel, or null if it cannot. `run`: bytes of an output row. */
function openKernel(from: number, filter: Filter, run: number, height: number): Work | null {
  if (from === 0) return null;
  const { starts, lengths, weights, most } = filter;
  const record = 2 + most;
  const stride = from * 3;
  // Rows of whole eights: what lies between is added up as well, and left out at the end.
  const room = multipleOf8(run + 1);
  const atSums = multipleOf8(starts.length * record) * 4;
  const atRows = atSums + height * room * 4;
  const atBand = atRows + BAND * room + 8;
  const opened = kernel.open(atBand + BAND * stride + 8);
  if (!opened) return null;
  const { memory, run: functions } = opened;
  const [bytes, records] = [new Uint8Array(memory), new Int32Array(memory)];
  for (let o = 0; o < starts.length; o++) {
    records[o * record] = starts[o] * 3;
    records[o * record + 1] = lengths[o] * 4;
    records.set(weights.subarray(o * most, o * most + lengths[o]), o * record + 2);
  }
  records.fill(HALF, atSums / 4, atRows / 4);
  return {
    take(band, rows) {
      bytes.set(band, atBand);
      functions.across(atBand, stride, rows, 0, record * 4, starts.length, atRows, room);
    },
    add(r, weight, o) {
      functions.add(atRows + r * room, room, weight, atSums + o * room * 4);
    },
    finish() {
      const data = new Uint8Array(height * run);
      for (let o = 0; o < height; o++) {
        functions.finish(atSums + o * room * 4, room, atRows);
        data.set(bytes.subarray(atRows, atRows + run), o * run);
      }
      return data;
    },
  };
}

function inScript(from: number, filter: Filter, run: number, height: number): Work {
  const rows = new Uint8Array(BAND * run);
  const sums = new Int32Array(height * run).fill(HALF);
  return {
    take(band, count) {
      for (let r = 0; r < count; r++) shrinkRow(band, r * from * 3, filter, rows, r * run);
    },
    add(r, weight, o) {
      for (let j = r * run, s = o * run, end = s + run; s < end; j++, s++) sums[s] += weight * rows[j];
    },
    finish: () => Uint8Array.from(sums, (sum) => sum >> 22),
  };
}

/** One row of pixels, from byte `at` of `src` on, to byte `j` of `out` on. */
function shrinkRow(
  src: Uint8Array,
  at: number,
  { starts, lengths, weights, most }: Filter,
  out: Uint8Array,
  j: number,
): void {
  for (let o = 0; o < starts.length; o++, j += 3) {
    let r = HALF;
    let g = HALF;
    let b = HALF;
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
  const raw = new Float64Array(most);
  for (let o = 0; o < to; o++) {
    const centre = (o + 0.5) * scale;
    const low = Math.max(Math.trunc(centre - support + 0.5), 0);
    const high = Math.min(Math.trunc(centre + support + 0.5), from);
    let sum = 0;
    for (let k = 0; k < high - low; k++) {
      raw[k] = Math.max(0, 1 - Math.abs((low + k - centre + 0.5) / support));
      sum += raw[k];
    }
    filter.starts[o] = low;
    filter.lengths[o] = high - low;
    for (let k = 0; k < high - low; k++) filter.weights[o * most + k] = Math.floor((raw[k] / sum) * 2 ** 22 + 0.5);
  }
  return filter;
}
