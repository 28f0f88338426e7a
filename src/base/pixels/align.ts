// Levelling a face by its eyes, with the bytes of OpenCV's warpAffine(INTER_CUBIC).
import type { RgbImage } from './rgb_image';

/** A pixel position; x to the right, y down. */
export type Point = readonly [x: number, y: number];

/** Rows of a 2x3 matrix: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]. */
export type Matrix2x3 = readonly [number, number, number, number, number, number];

/** Left, top, right, bottom in pixels; right and bottom are outside. */
export type Rectangle = readonly [x0: number, y0: number, x1: number, y1: number];

/** Eye centres from 68 landmarks as x, y pairs: the means of points 36-41 and 42-47, truncated to integers. */
export function eyeCentres(landmarks: ArrayLike<number>): [left: Point, right: Point] {
  const centre = (first: number): Point => {
    let x = 0;
    let y = 0;
    for (let i = first; i < first + 6; i++) {
      x += landmarks[2 * i];
      y += landmarks[2 * i + 1];
    }
    return [Math.trunc(x / 6), Math.trunc(y / 6)];
  };
  return [centre(36), centre(42)];
}

/**
 * Rotation that levels the line through the eyes: by atan(dy/dx) (so swapped eyes do not turn the face over; dx = 0
 * gives +-90 degrees) about the floor of the eyes' midpoint. The eyes must differ.
 */
export function alignMatrix(left: Point, right: Point): Matrix2x3 {
  const dx = right[0] - left[0];
  const dy = right[1] - left[1];
  // Through degrees and back, as OpenCV's interface demands: the last bits count.
  const degrees = dx === 0 ? Math.sign(dy) * 90 : Math.atan(dy / dx) * (180 / Math.PI);
  const radians = degrees * (Math.PI / 180);
  const [c, s] = [Math.cos(radians), Math.sin(radians)];
  const cx = Math.floor((left[0] + right[0]) / 2);
  const cy = Math.floor((left[1] + right[1]) / 2);
  return [c, s, (1 - c) * cx - s * cy, -s, c, s * cx + (1 - c) * cy];
}

/**
 * The part `window` of the aligned picture: `warpAffine(image, matrix, (H, W), INTER_CUBIC)`, black outside. As in the
 * original, height and width change places: the aligned picture of an H x W image has W rows and H columns, and what
 * lies beyond them is black too. Without `window` all of it.
 *
 * Positions are 1/32 pixel, weights 1/32768, the sum is rounded: OpenCV's integer arithmetic.
 */
export function warpCubic(image: RgbImage, m: Matrix2x3, window?: Rectangle): RgbImage {
  const { width: w, height: h, data: src } = image;
  const [x0, y0, x1, y1] = window ?? [0, 0, h, w];
  const out = { width: x1 - x0, height: y1 - y0, data: new Uint8Array((x1 - x0) * (y1 - y0) * 3) };
  const columns = [Math.max(x0, 0), Math.min(x1, h)];
  const d = 1 / (m[0] * m[4] - m[1] * m[3]);
  const [a, b, c, e] = [m[4] * d, -m[1] * d, -m[3] * d, m[0] * d];
  const [tx, ty] = [-a * m[2] - b * m[5], -c * m[2] - e * m[5]];
  const weights = cubicWeights();
  for (let y = Math.max(y0, 0); y < Math.min(y1, w); y++) {
    const rowX = roundHalfEven((b * y + tx) * 1024) + 16;
    const rowY = roundHalfEven((e * y + ty) * 1024) + 16;
    for (let x = columns[0]; x < columns[1]; x++) {
      const px = (rowX + roundHalfEven(a * x * 1024)) >> 5;
      const py = (rowY + roundHalfEven(c * x * 1024)) >> 5;
      const phase = (py & 31) * 32 + (px & 31);
      const o = ((y - y0) * out.width + x - x0) * 3;
      const u = px >> 5;
      const v = py >> 5;
      if (phase === 0) copyPixel(src, w, h, u, v, out.data, o);
      else if (u >= 1 && v >= 1 && u + 2 < w && v + 2 < h) {
        sumInside(src, ((v - 1) * w + u - 1) * 3, w * 3, weights, phase * 16, out.data, o);
      } else sumAtEdge(src, w, h, u - 1, v - 1, weights, phase * 16, out.data, o);
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
  weights: Int32Array,
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
  weights: Int32Array,
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

/**
 * As Python and NumPy round, for |v| < 2^51: adding 1.5 * 2^52 leaves no room for a fraction, and the processor rounds
 * half to even.
 */
export const roundHalfEven = (v: number): number => v + 6755399441055744 - 6755399441055744;

let table: Int32Array | undefined;

/** OpenCV's bicubic weights (A = -0.75) of 32 x 32 phases, 4 x 4 each, in 1/32768; each set sums to 32768. */
function cubicWeights(): Int32Array {
  if (table) return table;
  table = new Int32Array(32 * 32 * 16);
  const phases = Array.from({ length: 32 }, (_, i) => cubic(i / 32));
  for (let p = 0; p < 1024; p++) {
    const set = table.subarray(p * 16, p * 16 + 16);
    const [ys, xs] = [phases[p >> 5], phases[p & 31]];
    for (let k = 0; k < 16; k++) set[k] = roundHalfEven(Math.fround(ys[k >> 2] * xs[k & 3]) * 32768);
    giveRemainder(set);
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
