import { eyeCentres } from '../base/pixels/align';
import type { Device } from '../device';
import { FaceFinder, type FoundFace } from '../faces/finder';
import { affectNetBox, uprightBox } from '../faces/geometry';
import type { KnownFace } from './face';
import { readFaceApiWeights } from './face_weights';

/**
 * Finds the faces of pictures by the networks of face-api that come with this package.
 * @throws MachineError where they are missing
 * @example
 * (await openFaceFinder(device).find(photograph)).length; // 0
 */
export const openFaceFinder = (device: Device): FaceFinder =>
  new FaceFinder(device, {
    detector: readFaceApiWeights('tiny_face_detector_model'),
    landmarks: readFaceApiWeights('face_landmark_68_model'),
  });

/**
 * What training knows of such a face: eyes by its landmarks, and a box as AffectNet has it.
 * @param align false, or eyes too near each other to tell: the box alone, by which the face is cut and not turned
 */
export function asKnownFace({ landmarks }: Pick<FoundFace, 'landmarks'>, align = true): KnownFace {
  const [leftEye, rightEye] = eyeCentres(landmarks);
  if (!align || leftEye.join() === rightEye.join()) return { box: uprightBox(landmarks) };
  return { leftEye, rightEye, box: affectNetBox(landmarks) };
}
