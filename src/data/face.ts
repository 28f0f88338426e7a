import { alignMatrix, type Point, warpCubic } from '../base/pixels/align';
import { type Box, cropBox } from '../base/pixels/crop';
import { resizeBilinear } from '../base/pixels/resize';
import type { RgbImage } from '../base/pixels/rgb_image';
import { ImageError, MAX_PIXELS } from './image';

/** What the preparation needs to know of a face. */
export interface FacePose {
  leftEye: Point;
  rightEye: Point;
  box: Box;
}

/**
 * The part of the preparation that does not change between epochs: level the eyes, cut the box, resize to
 * `size` x `size`. For square boxes the original's very bytes. A box that is not square is stretched to the square
 * (torchvision's Resize((size, size))): the original's Resize(size) keeps its proportion and then stops, because such
 * pictures cannot be batched. A picture without a pose is the face, and only resized.
 *
 * @throws ImageError for a box of more than MAX_PIXELS pixels
 */
export function prepareFace(image: RgbImage, pose: FacePose | null, size: number): RgbImage {
  if (!pose) return resizeBilinear(image, size, size);
  const { leftEye, rightEye, box } = pose;
  const matrix = alignMatrix(leftEye, rightEye);
  const window = cropBox(matrix, box);
  const [width, height] = [window[2] - window[0], window[3] - window[1]];
  if (width * height > MAX_PIXELS) {
    throw new ImageError(`the face box is too large: ${width} x ${height} pixels, the limit is ${MAX_PIXELS} pixels`);
  }
  return resizeBilinear(warpCubic(image, matrix, window), size, size);
}

/** What may be known of a face in a picture: its pose, its box alone, or nothing. */
export type KnownFace = FacePose | { readonly box: Box } | null;

/** A face of which only so much is known: as `prepareFace` by its pose, else the box, or else the picture, as `prepareWhole`. */
export function prepareKnown(image: RgbImage, face: KnownFace, size: number): RgbImage {
  if (face && 'leftEye' in face) return prepareFace(image, face, size);
  return face ? resizeBilinear(cut(image, face.box), size, size) : prepareWhole(image, size);
}

/** A box of a picture, black outside. */
function cut({ width, height, data }: RgbImage, [x0, y0, w, h]: Box): RgbImage {
  if (w * h > MAX_PIXELS) throw new ImageError(`the face box is too large: ${w} x ${h} pixels`);
  const out = new Uint8Array(w * h * 3);
  const [left, right] = [Math.max(x0, 0), Math.min(x0 + w, width)];
  for (let y = Math.max(y0, 0); y < Math.min(y0 + h, height) && left < right; y++)
    out.set(data.subarray((y * width + left) * 3, (y * width + right) * 3), ((y - y0) * w + left - x0) * 3);
  return { width: w, height: h, data: out };
}

/** The whole picture where nothing is known of a face: the largest centred square, resized to `size` x `size`. */
export function prepareWhole({ width, height, data }: RgbImage, size: number): RgbImage {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * 3;
    square.set(data.subarray(start, start + side * 3), y * side * 3);
  }
  return resizeBilinear({ width: side, height: side, data: square }, size, size);
}
