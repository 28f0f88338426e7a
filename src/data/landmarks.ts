// Landmarks in a file of their own, as the npy release has them.
import { InputError } from '../base/errors';
import { readNpy } from '../formats/npy';
import { eyesOf } from './eyes';
import type { FacePose } from './face';
import { ImageError } from './image';

/**
 * The pose of a face that fills its picture.
 * @param npy the content of a `.npy` of 136 numbers or 68 x 2, in the picture's own pixels
 * @throws ImageError for another file
 */
export function poseFromLandmarks(npy: Uint8Array, width: number, height: number): FacePose {
  try {
    const array = readNpy(npy, 'landmarks');
    const shape = array.shape.filter((n) => n !== 1).join(' x ');
    if ((shape !== '136' && shape !== '68 x 2') || 'US'.includes(array.dtype.kind))
      throw new InputError(`landmarks: expected 136 numbers or 68 x 2, found an array ${array.dtype} [${array.shape}]`);
    const [leftEye, rightEye] = eyesOf(array.toList().map(Number));
    return { leftEye, rightEye, box: [0, 0, width, height] };
  } catch (error) {
    throw error instanceof InputError ? new ImageError(error.message) : error;
  }
}
