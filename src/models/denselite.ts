import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { type FaceWeights, faceApiState } from './face_api';
import { SameConv2d } from './layers';
import { Module, type StateEntry } from './module';
import { SeparableConv2d } from './separable';

const he = { init: { kind: 'kaiming_uniform' } } as const;

/** a = relu(conv0(x)), half the size; each further convolution reads the relu of the sum of all before it and joins that sum. */
class SeparableBlock extends Module {
  private readonly first: SameConv2d | SeparableConv2d;
  private readonly rest: SeparableConv2d[];

  constructor(device: Device, channelsIn: number, channelsOut: number) {
    super(device);
    const first =
      channelsIn === 3
        ? new SameConv2d(device, channelsIn, channelsOut, 3, { ...he, stride: 2 })
        : new SeparableConv2d(device, channelsIn, channelsOut, { ...he, stride: 2 });
    this.first = this.child('conv0', first);
    // What joins the sum starts smaller, as PyTorch's default has it.
    this.rest = [1, 2, 3].map((i) => this.child(`conv${i}`, new SeparableConv2d(device, channelsOut, channelsOut)));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => {
      let y = this.first.activated('relu', x);
      let sum = y;
      for (const conv of this.rest) {
        const [joined, active] = this.run(() => {
          const next = F.add(sum, conv.forward(y));
          return [next, F.relu(next)];
        });
        this.done(sum, y);
        [sum, y] = [joined, active];
      }
      return this.see(y);
    });
  }
}

/**
 * The separable dense network of face-api's landmark and expression nets: four blocks of 32, 64, 128 and 256 channels, of which each
 * halves the map. x [N, 3, S, S] gives the last map's means [N, 256]. S is 112 there; any other works.
 * Names are face-api's, as `faceApiState` has them.
 * @example
 * const net = new DenseLiteFeatures(device).initialise(1);
 * noGrad(() => net.forward(zeros(device, [1, 3, 32, 32]))).shape; // [1, 256]
 */
export class DenseLiteFeatures extends Module {
  static readonly width = 256;
  private readonly blocks: SeparableBlock[];

  constructor(device: Device) {
    super(device);
    this.blocks = [32, 64, 128, 256].map((channels, i) =>
      this.child(`dense${i}`, new SeparableBlock(device, i === 0 ? 3 : channels / 2, channels)),
    );
  }

  forward(x: Tensor): Tensor {
    return this.run(() => F.flatten(F.adaptiveAvgPool2d(this.map(x), 1)));
  }

  /** The last map, before its means are taken: [N, 256, H, W]. */
  map(x: Tensor): Tensor {
    return this.run(() => this.chain(this.blocks, x));
  }
}

/** A state dict of `DenseLiteFeatures` out of a network of face-api's that has its four blocks; what else it has is left out. */
export const denseLiteState = (weights: FaceWeights): Map<string, StateEntry> =>
  new Map([...faceApiState(weights)].filter(([name]) => name.startsWith('dense')));
