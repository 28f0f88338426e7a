import type { Device } from '../device';
import { FaceFinder } from '../faces/finder';
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
