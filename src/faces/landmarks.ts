import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { Conv2d, Linear } from '../models/layers';
import { Module } from '../models/module';
import { SeparableConv2d, same } from './separable';
import { type FaceWeights, stateOf } from './weights';

/** a = relu(conv0(x)), half the size; each further convolution reads the relu of the sum of all before it and joins that sum. */
class SeparableBlock extends Module {
  private readonly first: Conv2d | SeparableConv2d;
  private readonly rest: readonly SeparableConv2d[];

  constructor(device: Device, channelsIn: number, channels: number) {
    super(device);
    const first =
      channelsIn === 3
        ? new Conv2d(device, 3, channels, 3, { stride: 2 })
        : new SeparableConv2d(device, channelsIn, channels, 2);
    this.first = this.child('conv0', first);
    this.rest = [1, 2, 3].map((i) => this.child(`conv${i}`, new SeparableConv2d(device, channels, channels)));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => {
      const { first } = this;
      let y = F.relu(first instanceof Conv2d ? same(x, first, 2) : first.forward(x));
      let sum = y;
      for (const conv of this.rest) {
        sum = F.add(sum, conv.forward(y));
        y = F.relu(sum);
      }
      return y;
    });
  }
}

/**
 * face-api's network of 68 landmarks. x [N, 3, 112, 112]: (pixel - MEAN) / 255 of faces padded to squares. Returns [N, 136]: x0, y0,
 * x1, y1, ... as fractions of the square, in the order of iBUG (36 to 41 the eye on the picture's left, 42 to 47 on its right).
 */
export class FaceLandmarks extends Module {
  /** Of red, green and blue, 0 to 255. */
  static readonly MEAN = [122.782, 117.001, 104.298] as const;
  static readonly SIZE = 112;
  private readonly blocks: readonly SeparableBlock[];
  private readonly fc: Linear;

  /** @param weights `face_landmark_68_model` @throws InputError when they are another network's */
  constructor(device: Device, weights: FaceWeights) {
    super(device);
    this.blocks = [32, 64, 128, 256].map((channels, i) =>
      this.child(`dense${i}`, new SeparableBlock(device, i === 0 ? 3 : channels / 2, channels)),
    );
    this.fc = this.child('fc', new Linear(device, 256, 136));
    this.loadStateDict(stateOf(weights), 'face_landmark_68_model');
    this.freeze();
  }

  forward(x: Tensor): Tensor {
    return this.run(() => this.fc.forward(F.flatten(F.adaptiveAvgPool2d(this.chain(this.blocks, x), 1))));
  }
}
