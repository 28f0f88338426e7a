// How a face is levelled by its eyes.

/** A pixel position; x to the right, y down. */
export type Point = readonly [x: number, y: number];

/** Rows of a 2x3 matrix: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]. */
export type Matrix2x3 = readonly [number, number, number, number, number, number];

/** Left, top, right, bottom in pixels; right and bottom are outside. */
export type Rectangle = readonly [x0: number, y0: number, x1: number, y1: number];

/**
 * Eye centres from 68 landmarks as x, y pairs: the means of points 36-41 and 42-47, truncated to integers.
 * @example
 * const landmarks = Float32Array.from({ length: 136 }, (_, i) => (i % 2 === 0 ? i : 50));
 * eyeCentres(landmarks); // [[77, 50], [89, 50]]
 */
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
 * @example
 * alignMatrix([10, 20], [30, 20]); // [1, 0, 0, 0, 1, 0]
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
 * As Python and NumPy round, for |v| < 2^51: adding 1.5 * 2^52 leaves no room for a fraction, and the processor rounds
 * half to even.
 */
export const roundHalfEven = (v: number): number => v + 6755399441055744 - 6755399441055744;
