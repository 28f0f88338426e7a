import { type Matrix2x3, type Rectangle, roundHalfEven } from './align';

/** A face box as AffectNet gives it: upper left corner and size in pixels, of which whole pixels count. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/**
 * Where a face box lies in the aligned picture. As in the original only its upper left corner is rotated, the box
 * itself stays upright; corners are rounded half to even, as Pillow's `crop` does. May reach outside the picture.
 * @example
 * cropBox([1, 0, 5, 0, 1, 0], [10, 20, 30, 40]); // [15, 20, 45, 60]
 */
export function cropBox(m: Matrix2x3, [bx, by, bw, bh]: Box): Rectangle {
  const [x, y, w, h] = [bx, by, bw, bh].map(Math.trunc);
  const px = m[0] * x + m[1] * y + m[2];
  const py = m[3] * x + m[4] * y + m[5];
  return [roundHalfEven(px), roundHalfEven(py), roundHalfEven(px + w), roundHalfEven(py + h)];
}
