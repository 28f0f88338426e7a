import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { type FaceWeights, faceApiState } from '../models/face_api';
import { Conv2d } from '../models/layers';
import { Module } from '../models/module';
import { SeparableConv2d } from '../models/separable';

const CHANNELS = [16, 32, 64, 128, 256, 512];

/**
 * face-api's tiny face detector (a YOLO v2 of separable convolutions without batch norm). x [N, 3, S, S], S a multiple of 32:
 * (pixel - MEAN) / 255. Returns [N, 25, S / 32, S / 32], which `candidates` decodes.
 */
export class FaceDetector extends Module {
  /** Of red, green and blue, 0 to 255. */
  static readonly MEAN = [117.001, 114.697, 97.404] as const;
  private readonly stages: readonly (Conv2d | SeparableConv2d)[];
  private readonly conv8: Conv2d;

  /** @param weights `tiny_face_detector_model` @throws InputError when they are another network's */
  constructor(device: Device, weights: FaceWeights) {
    super(device);
    this.stages = CHANNELS.map((channels, i) =>
      this.child(
        `conv${i}`,
        i === 0 ? new Conv2d(device, 3, 16, 3) : new SeparableConv2d(device, CHANNELS[i - 1], channels),
      ),
    );
    this.conv8 = this.child('conv8', new Conv2d(device, 512, 25, 1));
    this.loadStateDict(faceApiState(weights), 'tiny_face_detector_model');
    this.freeze();
  }

  forward(x: Tensor): Tensor {
    const stages = this.stages.map((conv, i) => ({ forward: (y: Tensor) => this.stage(conv, i === 5 ? 1 : 2, y) }));
    return this.run(() => this.chain([...stages, this.conv8], x));
  }

  /**
   * Convolution, leaky ReLU, and the largest of 2 x 2, padded after the map alone as TensorFlow's SAME has it. The ReLU, which never falls, has
   * a quarter of the map to do after the pool, to the same bits.
   */
  private stage(conv: Conv2d | SeparableConv2d, stride: 1 | 2, x: Tensor): Tensor {
    return this.run(() => {
      const y = conv.forward(x);
      const [, , h, w] = y.shape;
      return F.leakyRelu(F.maxPool2d(y, { kernel: 2, stride, padding: F.samePadding([h, w], 2, stride) }), 0.1);
    });
  }
}
