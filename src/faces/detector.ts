import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import * as convPool from '../kernels/conv_pool';
import { type FaceWeights, faceApiState } from '../models/face_api';
import { Conv2d } from '../models/layers';
import { Module } from '../models/module';
import { SeparableConv2d } from '../models/separable';

const CHANNELS = [16, 32, 64, 128, 256, 512];
const SLOPE = 0.1;

/**
 * face-api's tiny face detector (a YOLO v2 of separable convolutions without batch norm). x [N, 3, S, S], S a multiple of 32:
 * (pixel - MEAN) / 255. Returns [N, 25, S / 32, S / 32], which `candidates` decodes. No gradient goes through its first layer.
 */
export class FaceDetector extends Module {
  /** Of red, green and blue, 0 to 255. */
  static readonly MEAN = [117.001, 114.697, 97.404] as const;
  private readonly conv0: Conv2d;
  private readonly stages: readonly SeparableConv2d[];
  private readonly conv8: Conv2d;

  /** @param weights `tiny_face_detector_model` @throws InputError when they are another network's */
  constructor(device: Device, weights: FaceWeights) {
    super(device);
    this.conv0 = this.child('conv0', new Conv2d(device, 3, CHANNELS[0], 3));
    this.stages = CHANNELS.slice(1).map((channels, i) =>
      this.child(`conv${i + 1}`, new SeparableConv2d(device, CHANNELS[i], channels)),
    );
    this.conv8 = this.child('conv8', new Conv2d(device, 512, 25, 1));
    this.loadStateDict(faceApiState(weights), 'tiny_face_detector_model');
    this.freeze();
  }

  forward(x: Tensor): Tensor {
    const first = { forward: (y: Tensor) => this.first(y) };
    const stages = this.stages.map((conv, i) => ({ forward: (y: Tensor) => this.stage(conv, i === 4 ? 1 : 2, y) }));
    return this.run(() => this.chain([first, ...stages, this.conv8], x));
  }

  /** As `stage`, of a convolution without padding: its map has an even side, and the pool needs none either. */
  private first(x: Tensor): Tensor {
    const [n, ci, h, w] = x.shape;
    const co = CHANNELS[0];
    const y = F.empty(this.device, [n, co, (h - 2) >> 1, (w - 2) >> 1], { name: 'conv0' });
    const { weight, bias } = this.conv0;
    const buffers = { x: x.storage, weight: weight.storage, bias: (bias as Tensor).storage, y: y.storage };
    convPool.forward(this.device, { n, h, w, ci, co }, buffers, SLOPE);
    return y;
  }

  /**
   * Convolution, leaky ReLU, and the largest of 2 x 2, padded after the map alone as TensorFlow's SAME has it. The ReLU, which never falls, has
   * a quarter of the map to do after the pool, to the same bits.
   */
  private stage(conv: SeparableConv2d, stride: 1 | 2, x: Tensor): Tensor {
    return this.run(() => {
      const y = conv.forward(x);
      const [, , h, w] = y.shape;
      return F.leakyRelu(F.maxPool2d(y, { kernel: 2, stride, padding: F.samePadding([h, w], 2, stride) }), SLOPE);
    });
  }
}
