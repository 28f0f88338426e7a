import type { Tensor } from '../autograd';
import type { Device } from '../device';
import { DenseLiteFeatures } from '../models/denselite';
import { type FaceWeights, faceApiState } from '../models/face_api';
import { inputOf } from '../models/input';
import { Linear } from '../models/layers';
import { Module } from '../models/module';

/**
 * face-api's network of 68 landmarks. x [N, 3, 112, 112]: (pixel - MEAN) / 255 of faces padded to squares. Returns [N, 136]: x0, y0,
 * x1, y1, ... as fractions of the square, in the order of iBUG (36 to 41 the eye on the picture's left, 42 to 47 on its right).
 */
export class FaceLandmarks extends Module {
  /** Of red, green and blue, 0 to 255. */
  static readonly MEAN = inputOf('denselite').mean;
  static readonly SIZE = 112;
  private readonly features: DenseLiteFeatures;
  private readonly fc: Linear;

  /** @param weights `face_landmark_68_model` @throws InputError when they are another network's */
  constructor(device: Device, weights: FaceWeights) {
    super(device);
    this.features = this.child('features', new DenseLiteFeatures(device));
    this.fc = this.child('fc', new Linear(device, 256, 136));
    const named = [...faceApiState(weights)].map(([name, entry]) => {
      return [name.startsWith('dense') ? `features.${name}` : name, entry] as const;
    });
    this.loadStateDict(new Map(named), 'face_landmark_68_model');
    this.freeze();
  }

  forward(x: Tensor): Tensor {
    return this.run(() => this.fc.forward(this.features.forward(x)));
  }
}
