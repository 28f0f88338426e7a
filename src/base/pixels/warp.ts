// OpenCV's warpAffine(INTER_CUBIC), byte for byte.
import { type Matrix2x3, type Rectangle, roundHalfEven } from './align';
import type { RgbImage } from './rgb_image';
import binary from './warp.wat';
import { BAND, WasmKernel } from './wasm_kernel';

const kernel = new WasmKernel<'warp'>(binary);

/**
 * The part `window` of the aligned picture: `warpAffine(image, matrix, (H, W), INTER_CUBIC)`, black outside. As in the
 * original, height and width change places: the aligned picture of an H x W image has W rows and H columns, and what
 * lies beyond them is black too. Without `window` all of it.
 *
 * Positions are 1/32 pixel, weights 1/32768, the sum is rounded: OpenCV's integer arithmetic.
 * @example
 * const picture = { width: 2, height: 2, data: Uint8Array.from({ length: 12 }, (_, i) => 20 * i) };
 * warpCubic(picture, [1, 0, 0, 0, 1, 0], [0, 0, 2, 1]).data; // [0, 20, 40, 60, 80, 100]
 */
export function warpCubic(image: RgbImage, m: Matrix2x3, window?: Rectangle): RgbImage {
  const [x0, y0, x1, y1] = window ?? [0, 0, image.height, image.width];
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(width * height * 3);
  const band = warpBands(image, m, [x0, y0, x1, y1]);
  for (let y = 0; y < height; y += BAND) data.set(band(y, Math.min(y + BAND, height)), y * width * 3);
  return { width, height, data };
}

/** What is seen of an aligned picture: what the original's has, or all that the picture shows, wherever turning takes it. */
export type Canvas = 'original' | 'open';

/**
 * The same in bands, of one picture at a time.
 * @returns rows y0 to y1 of the window, without y1, at most BAND: bytes that are good until the next call
 */
export function warpBands(
  image: RgbImage,
  m: Matrix2x3,
  [x0, top, x1, bottom]: Rectangle,
  canvas: Canvas = 'original',
): (y0: number, y1: number) => Uint8Array {
  const { width: w, height: h } = image;
  const d = 1 / (m[0] * m[4] - m[1] * m[3]);
  const [a, b, c, e] = [m[4] * d, -m[1] * d, -m[3] * d, m[0] * d];
  const [tx, ty] = [-a * m[2] - b * m[5], -c * m[2] - e * m[5]];
  // Of the window, what lies in the aligned picture.
  const [left, right, high, low] = canvas === 'open' ? [x0, x1, top, bottom] : [Math.max(x0, 0), Math.min(x1, h), 0, w];
  const count = Math.max(right - left, 0);
  /** Pairs x, y for each of its columns, in 1/1024 pixel. */
  const columns = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) {
    columns[2 * i] = roundHalfEven(a * (left + i) * 1024);
    columns[2 * i + 1] = roundHalfEven(c * (left + i) * 1024);
  }
  const rows = (from: number, to: number): Int32Array => {
    const pairs = new Int32Array((to - from) * 2);
    for (let y = from, o = 0; y < to; y++) {
      pairs[o++] = roundHalfEven((b * y + tx) * 1024) + 16;
      pairs[o++] = roundHalfEven((e * y + ty) * 1024) + 16;
    }
    return pairs;
  };
  const ends = [left, Math.max(right, left)].flatMap((x) =>
    [Math.max(top, high), Math.max(Math.min(bottom, low), high)].map(
      (y) => [a * x + b * y + tx, c * x + e * y + ty] as const,
    ),
  );
  const warp = openKernel(image, columns, ends) ?? ((pairs: Int32Array) => warpRows(image, columns, pairs));
  const width = x1 - x0;
  return (y0, y1) => {
    const [from, to] = [Math.max(top + y0, high), Math.min(top + y1, low)];
    const found = count > 0 && to > from ? warp(rows(from, to)) : new Uint8Array();
    if (count === width && to - from === y1 - y0) return found;
    const out = new Uint8Array((y1 - y0) * width * 3);
    for (let y = from, i = 0; i < found.length; y++, i += count * 3)
      out.set(found.subarray(i, i + count * 3), ((y - top - y0) * width + left - x0) * 3);
    return out;
  };
}

/** Positions that 32 bits hold in 1/1024 pixel. */
const FAR = 2 ** 20;

/** Black pixels around what the kernel sees of a picture: as far as four taps reach that touch it. */
const BORDER = 3;

/** Warps with the kernel, or null if it cannot. @param ends corners, in the picture, of all that is asked for */
function openKernel(
  { width, height, data }: RgbImage,
  columns: Int32Array,
  ends: readonly (readonly [number, number])[],
): ((rows: Int32Array) => Uint8Array) | null {
  const us = ends.map(([u]) => u);
  const vs = ends.map(([, v]) => v);
  const reach = [Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)];
  if (!reach.every((v) => Math.abs(v) < FAR)) return null;
  // The part of the picture that it needs.
  const [u0, v0] = [reach[0], reach[1]].map((v) => Math.max(Math.floor(v) - BORDER, 0));
  const [u1, v1] = [
    Math.min(Math.ceil(reach[2]) + BORDER + 1, width),
    Math.min(Math.ceil(reach[3]) + BORDER + 1, height),
  ];
  const [w, h] = [Math.max(u1 - u0, 0), Math.max(v1 - v0, 0)];
  const stride = (w + 2 * BORDER) * 3;
  const weights = cubicWeights();
  const atColumns = weights.length * 2;
  const atRows = atColumns + columns.byteLength;
  const atOut = atRows + BAND * 8;
  const run = (columns.length / 2) * 3;
  const atPicture = atOut + BAND * run + 16;
  const end = atPicture + (h + 2 * BORDER) * stride;
  const opened = kernel.open(end + 16);
  if (!opened) return null;
  const { memory } = opened;
  const bytes = new Uint8Array(memory);
  new Int16Array(memory).set(weights);
  new Int32Array(memory, atColumns).set(columns);
  bytes.fill(0, atPicture, end);
  const first = atPicture + BORDER * stride + BORDER * 3;
  for (let v = 0; v < h; v++) {
    const from = ((v0 + v) * width + u0) * 3;
    bytes.set(data.subarray(from, from + w * 3), first + v * stride);
  }
  return (rows) => {
    for (let i = 0; i < rows.length; i += 2) {
      rows[i] -= u0 * 1024;
      rows[i + 1] -= v0 * 1024;
    }
    new Int32Array(memory, atRows).set(rows);
    const n = rows.length / 2;
    opened.run.warp(atOut, atColumns, columns.length / 2, atRows, n, first, stride, w, h);
    return bytes.subarray(atOut, atOut + n * run);
  };
}

/** What the kernel computes, of any picture. */
function warpRows({ width: w, height: h, data: src }: RgbImage, columns: Int32Array, rows: Int32Array): Uint8Array {
  const weights = cubicWeights();
  const out = new Uint8Array((rows.length / 2) * (columns.length / 2) * 3);
  for (let r = 0, o = 0; r < rows.length; r += 2) {
    for (let x = 0; x < columns.length; x += 2, o += 3) {
      const px = (rows[r] + columns[x]) >> 5;
      const py = (rows[r + 1] + columns[x + 1]) >> 5;
      const phase = (py & 31) * 32 + (px & 31);
      const u = px >> 5;
      const v = py >> 5;
      if (phase === 0) copyPixel(src, w, h, u, v, out, o);
      else if (u >= 1 && v >= 1 && u + 2 < w && v + 2 < h) {
        sumInside(src, ((v - 1) * w + u - 1) * 3, w * 3, weights, phase * 16, out, o);
      } else sumAtEdge(src, w, h, u - 1, v - 1, weights, phase * 16, out, o);
    }
  }
  return out;
}

function copyPixel(src: Uint8Array, w: number, h: number, u: number, v: number, out: Uint8Array, o: number): void {
  if (u < 0 || v < 0 || u >= w || v >= h) return;
  const i = (v * w + u) * 3;
  out[o] = src[i];
  out[o + 1] = src[i + 1];
  out[o + 2] = src[i + 2];
}

function sumInside(
  src: Uint8Array,
  start: number,
  stride: number,
  weights: Int16Array,
  k: number,
  out: Uint8Array,
  o: number,
): void {
  let r = 16384;
  let g = 16384;
  let b = 16384;
  for (let row = 0, i = start; row < 4; row++, i += stride, k += 4) {
    const k0 = weights[k];
    const k1 = weights[k + 1];
    const k2 = weights[k + 2];
    const k3 = weights[k + 3];
    r += k0 * src[i] + k1 * src[i + 3] + k2 * src[i + 6] + k3 * src[i + 9];
    g += k0 * src[i + 1] + k1 * src[i + 4] + k2 * src[i + 7] + k3 * src[i + 10];
    b += k0 * src[i + 2] + k1 * src[i + 5] + k2 * src[i + 8] + k3 * src[i + 11];
  }
  out[o] = clampByte(r >> 15);
  out[o + 1] = clampByte(g >> 15);
  out[o + 2] = clampByte(b >> 15);
}

function sumAtEdge(
  src: Uint8Array,
  w: number,
  h: number,
  left: number,
  top: number,
  weights: Int16Array,
  k: number,
  out: Uint8Array,
  o: number,
): void {
  const sum = [16384, 16384, 16384];
  for (let v = top; v < top + 4; v++) {
    for (let u = left; u < left + 4; u++, k++) {
      if (u < 0 || v < 0 || u >= w || v >= h) continue;
      for (let c = 0; c < 3; c++) sum[c] += weights[k] * src[(v * w + u) * 3 + c];
    }
  }
  for (let c = 0; c < 3; c++) out[o + c] = clampByte(sum[c] >> 15);
}

const clampByte = (v: number): number => Math.max(0, Math.min(v, 255));

let table: Int16Array | undefined;

/** OpenCV's bicubic weights (A = -0.75) of 32 x 32 phases, 4 x 4 each, in 1/32768; each set but the first, a copy, sums to 32768. */
function cubicWeights(): Int16Array {
  if (table) return table;
  table = new Int16Array(32 * 32 * 16);
  const set = new Int32Array(16);
  const phases = Array.from({ length: 32 }, (_, i) => cubic(i / 32));
  for (let p = 0; p < 1024; p++) {
    const [ys, xs] = [phases[p >> 5], phases[p & 31]];
    for (let k = 0; k < 16; k++) set[k] = roundHalfEven(Math.fround(ys[k >> 2] * xs[k & 3]) * 32768);
    giveRemainder(set);
    table.set(set, p * 16);
  }
  return table;
}

/** Four weights at phase x, every operation rounded to float32. */
function cubic(x: number): number[] {
  const f = Math.fround;
  const a = -0.75;
  const outer = (t: number): number => f(f(f(f(f(f(a * t) - 5 * a) * t) + 8 * a) * t) - 4 * a);
  const inner = (t: number): number => f(f(f(f(f((a + 2) * t) - (a + 3)) * t) * t) + 1);
  const [c0, c1, c2] = [outer(f(x + 1)), inner(x), inner(f(1 - x))];
  return [c0, c1, c2, f(f(f(1 - c0) - c1) - c2)];
}

/** Of the taps (2..3, 2..3) the least gets what the sum lacks to 32768, the largest gives what it has too much. */
function giveRemainder(set: Int32Array): void {
  const excess = set.reduce((sum, v) => sum + v, 0) - 32768;
  if (excess === 0) return;
  let least = 10;
  let largest = 10;
  for (const k of [10, 11, 14, 15]) {
    if (set[k] < set[least]) least = k;
    else if (set[k] > set[largest]) largest = k;
  }
  set[excess < 0 ? largest : least] -= excess;
}
