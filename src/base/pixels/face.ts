import { alignMatrix, type Point } from './align';
import { type Box, cropBox } from './crop';
import { resizeBands, resizeBilinear } from './resize';
import { ImageError, MAX_PIXELS, type RgbImage } from './rgb_image';
import { type Canvas, warpBands } from './warp';

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
 * @param canvas original: black where the original's aligned picture ends, which has the sides of the picture, but height and width
 * changed: on a picture that is wider than high a face far to the right is black
 * @throws ImageError for a box of more than MAX_PIXELS pixels
 * @example
 * const picture = await decodeImage(await readPicture('faces/images/validation/00000.jpg'));
 * const pose = { leftEye: [24, 28], rightEye: [40, 28], box: [8, 8, 48, 48] } as const;
 * prepareFace(picture, pose, 32).data.length; // 3072
 */
export function prepareFace(
  image: RgbImage,
  pose: FacePose | null,
  size: number,
  canvas: Canvas = 'original',
): RgbImage {
  if (!pose) return resizeBilinear(image, size, size);
  const { leftEye, rightEye, box } = pose;
  const matrix = alignMatrix(leftEye, rightEye);
  const window = cropBox(matrix, box);
  const [width, height] = [window[2] - window[0], window[3] - window[1]];
  if (width * height > MAX_PIXELS) {
    throw new ImageError(`the face box is too large: ${width} x ${height} pixels, the limit is ${MAX_PIXELS} pixels`);
  }
  return resizeBands({ width, height }, warpBands(image, matrix, window, canvas), size, size);
}

/** What may be known of a face in a picture: its pose, its box alone, or nothing. */
export type KnownFace = FacePose | { readonly box: Box } | null;

/** A face of which only so much is known: as `prepareFace` by its pose, else the box, or else the picture, as `prepareWhole`. */
export function prepareKnown(image: RgbImage, face: KnownFace, size: number, canvas: Canvas = 'original'): RgbImage {
  if (face && 'leftEye' in face) return prepareFace(image, face, size, canvas);
  return face ? prepareBox(image, face.box, size) : prepareWhole(image, size);
}

/** A box of a picture, black outside, resized to `size` x `size`. */
function prepareBox({ width, height, data }: RgbImage, [x0, top, w, h]: Box, size: number): RgbImage {
  if (w * h > MAX_PIXELS) throw new ImageError(`the face box is too large: ${w} x ${h} pixels`);
  const [left, right] = [Math.max(x0, 0), Math.min(x0 + w, width)];
  const band = (y0: number, y1: number): Uint8Array => {
    const out = new Uint8Array((y1 - y0) * w * 3);
    for (let y = Math.max(y0, -top); y < Math.min(y1, height - top) && left < right; y++) {
      const from = (top + y) * width;
      out.set(data.subarray((from + left) * 3, (from + right) * 3), ((y - y0) * w + left - x0) * 3);
    }
    return out;
  };
  return resizeBands({ width: w, height: h }, band, size, size);
}

/** The whole picture where nothing is known of a face: the largest centred square, resized to `size` x `size`. */
export function prepareWhole(image: RgbImage, size: number): RgbImage {
  const side = Math.min(image.width, image.height);
  const box = [(image.width - side) >> 1, (image.height - side) >> 1, side, side] as const;
  return prepareBox(image, box, size);
}
