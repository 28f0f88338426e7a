// The 68 points of a face, of which its eyes are what levels it.
import { InputError } from '../base/errors';
import { eyeCentres, type Point } from '../base/pixels/align';

/** Positions beyond this are no pixels of any picture. */
const FAR = 1e6;

/**
 * The centres of the eyes of 68 points x, y, x, y, ...
 * @throws InputError without a place: another number of points, no positions, both eyes in one place
 */
export function eyesOf(landmarks: ArrayLike<number>): [left: Point, right: Point] {
  let usable = 0;
  for (let i = 0; i < landmarks.length; i++) if (Math.abs(landmarks[i]) <= FAR) usable++;
  if (landmarks.length !== 136 || usable !== 136)
    throw new InputError(`expected 68 points (136 numbers x;y;...), found ${usable} of ${landmarks.length}`);
  const [left, right] = eyeCentres(landmarks);
  if (left[0] === right[0] && left[1] === right[1])
    throw new InputError(`both eyes (points 36-41 and 42-47) are at ${left.join(', ')}`);
  return [left, right];
}
