import { alignMatrix, eyeCentres } from '../base/pixels/align';
import type { Box } from '../base/pixels/crop';
import type { KnownFace } from '../base/pixels/face';
import type { RgbImage } from '../base/pixels/rgb_image';

/** A square of a picture with zeros wherever it reaches out of `region`. In whole pixels; x and y may be negative. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
  /** The pixels that are seen, within the picture: left, top, width, height. */
  readonly region: Region;
}

/** Left, top, width, height in whole pixels. */
export type Region = readonly [x: number, y: number, width: number, height: number];

const roundHalfUp = (v: number): number => Math.floor(v + 0.5);

/** A picture with `border` times its longer side of zeros all around, then padded to a square on the right or below. */
export function pictureSquare({ width, height }: Pick<RgbImage, 'width' | 'height'>, border: number): Square {
  const longer = Math.max(width, height);
  const pad = roundHalfUp(border * longer);
  return { x: -pad, y: -pad, side: longer + 2 * pad, region: [0, 0, width, height] };
}

/** A part of a picture, padded to a square on both sides: of an odd difference the larger half comes after. */
export function centredSquare(region: Region): Square {
  const [x, y, width, height] = region;
  const side = Math.max(width, height);
  const before = (room: number): number => room - roundHalfUp(room / 2);
  return { x: x - before(side - width), y: y - before(side - height), side, region };
}

/**
 * For each of `size` places along an axis: where in memory the two pixels begin that it lies between, and the share of each; 0 where a
 * pixel is not seen.
 */
function places(start: number, side: number, size: number, from: number, length: number, step: number) {
  const [first, second] = [new Uint32Array(size), new Uint32Array(size)];
  const [near, far] = [new Float64Array(size), new Float64Array(size)];
  const seen = (i: number): boolean => start + i >= from && start + i < from + length;
  for (let o = 0; o < size; o++) {
    const at = o * (side / size);
    const [i, k] = [Math.floor(at), Math.min(Math.ceil(at), side - 1)];
    if (seen(i)) [first[o], near[o]] = [(start + i) * step, 1 - (at - i)];
    if (seen(k)) [second[o], far[o]] = [(start + k) * step, at - i];
  }
  return { first, second, near, far };
}

/**
 * A square of a picture, resized to size x size as TensorFlow.js's resizeBilinear does: source = i * side / size without half pixels,
 * no antialiasing. out[(y * size + x) * 3 + c] = (value - mean[c]) / 255, c in red, green, blue, is what face-api's networks see; what is
 * outside the region is 0 before the mean is taken off.
 * @param out size * size * 3 numbers, written from the first to the last
 */
export function resizeSquare(
  { data, width }: RgbImage,
  square: Square,
  size: number,
  mean: readonly number[],
  out = new Float32Array(size * size * 3),
): Float32Array {
  const [left, top, wide, high] = square.region;
  const across = places(square.x, square.side, size, left, wide, 3);
  const down = places(square.y, square.side, size, top, high, 3 * width);
  const { first, second, near, far } = across;
  const [red, green, blue] = mean.map((m) => m / 255);
  for (let y = 0, o = 0; y < size; y++) {
    const [above, below] = [down.first[y], down.second[y]];
    const [upper, lower] = [down.near[y] / 255, down.far[y] / 255];
    for (let x = 0; x < size; x++, o += 3) {
      const l = first[x];
      const r = second[x];
      const a = upper * near[x];
      const b = upper * far[x];
      const c = lower * near[x];
      const d = lower * far[x];
      const nw = above + l;
      const ne = above + r;
      const sw = below + l;
      const se = below + r;
      out[o] = data[nw] * a + data[ne] * b + data[sw] * c + data[se] * d - red;
      out[o + 1] = data[nw + 1] * a + data[ne + 1] * b + data[sw + 1] * c + data[se + 1] * d - green;
      out[o + 2] = data[nw + 2] * a + data[ne + 2] * b + data[sw + 2] * c + data[se + 2] * d - blue;
    }
  }
  return out;
}

/** A box in pixels, which may leave the picture, as the whole pixels of it that lie within; null when there are none. */
export function clipBox([x, y, w, h]: readonly number[], width: number, height: number): Region | null {
  const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
  const region = [left, top, Math.min(x + w - left, width - left), Math.min(y + h - top, height - top)].map(Math.floor);
  return region[2] > 0 && region[3] > 0 ? (region as unknown as Region) : null;
}

/** Landmarks as fractions of a square of a region (x0, y0, x1, y1, ...) in pixels of the picture. */
export function pointsInPicture(out: ArrayLike<number>, [x, y, width, height]: Region): Float64Array {
  // The padding as it would be without rounding to whole pixels, which is how face-api takes it off.
  const side = Math.max(width, height);
  const corner = [x - (side - width) / 2, y - (side - height) / 2];
  return Float64Array.from(out, (v, i) => v * side + corner[i % 2]);
}

/** Where AffectNet's frames have the middle between the eyes, and how far apart the eyes and eyes and mouth are, as shares of the side. */
const FRAME = { x: 0.4965, y: 0.389, eyes: 0.357, mouth: 0.385 } as const;

/** The middle of the points from `first` to before `end`. */
function middle(landmarks: ArrayLike<number>, first: number, end: number): [x: number, y: number] {
  let [x, y] = [0, 0];
  for (let i = first; i < end; i++) [x, y] = [x + landmarks[2 * i], y + landmarks[2 * i + 1]];
  return [x / (end - first), y / (end - first)];
}

/**
 * The upright square around a face, in whole pixels, as AffectNet's boxes lie around theirs: by the eyes, and as large as their distance or
 * that of the mouth asks for, since a head that is turned has eyes that are near each other. Of 224 photographs face-api's expression
 * network is right on 61 % so, on 56 % cut by the eyes alone; a head trained on their frames on 65 % either way, as on the frames themselves.
 * @param landmarks 68 points as x0, y0, x1, y1, ...
 */
export function uprightBox(landmarks: ArrayLike<number>): Box {
  const [[lx, ly], [rx, ry]] = [middle(landmarks, 36, 42), middle(landmarks, 42, 48)];
  const [mx, my] = middle(landmarks, 48, 68);
  const [x, y] = [(lx + rx) / 2, (ly + ry) / 2];
  const side = Math.max(Math.hypot(rx - lx, ry - ly) / FRAME.eyes, Math.hypot(mx - x, my - y) / FRAME.mouth);
  const whole = Math.max(Math.round(side), 1);
  return [Math.round(x - FRAME.x * whole), Math.round(y - FRAME.y * whole), whole, whole];
}

/**
 * The box by which `prepareFace` cuts this square out of the picture that is levelled by the eyes: its upper left corner, which is
 * turned then, lies turned back.
 */
export function affectNetBox(landmarks: ArrayLike<number>): Box {
  const box = uprightBox(landmarks);
  const [left, right] = eyeCentres(landmarks);
  if (left.join() === right.join()) return box;
  const [x, y, width, height] = box;
  const [c, s, tx, , , ty] = alignMatrix(left, right);
  return [Math.round(c * (x - tx) - s * (y - ty)), Math.round(s * (x - tx) + c * (y - ty)), width, height];
}

/**
 * What training knows of such a face: eyes by its landmarks, and a box as AffectNet has it.
 * @param align false, or eyes too near each other to tell: the box alone, by which the face is cut and not turned
 */
export function asKnownFace({ landmarks }: { readonly landmarks: ArrayLike<number> }, align = true): KnownFace {
  const [leftEye, rightEye] = eyeCentres(landmarks);
  if (!align || leftEye.join() === rightEye.join()) return { box: uprightBox(landmarks) };
  return { leftEye, rightEye, box: affectNetBox(landmarks) };
}
