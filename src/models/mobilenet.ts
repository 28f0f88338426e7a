import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { uniform } from './init';
import { SameConv2d } from './layers';
import { Module } from './module';

/** A convolution, padded as TensorFlow's SAME, and ReLU6. */
class Relu6Conv extends SameConv2d {
  override forward(x: Tensor): Tensor {
    return this.run(() => F.relu6(super.forward(x)));
  }
}

/** Channels out of each of the 13 pairs. */
const CHANNELS = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
/** The pairs, from 1, that halve the map. */
export const MOBILENET_HALVING: ReadonlySet<number> = new Set([2, 4, 6, 12]);

/**
 * MobileNet v1 of width 1.0 (Howard et al. 2017) with its batch norms folded into 27 convolutions with bias, each with ReLU6.
 * x [N, 3, S, S] gives the last map's means [N, 1024].
 */
export class MobileNetFeatures extends Module {
  static readonly width = 1024;
  private readonly layers: Relu6Conv[];

  constructor(device: Device) {
    super(device);
    const init = { kind: 'kaiming_uniform' } as const;
    // Its input is bytes about their mean, of a deviation of 64 or so: the first convolution brings that to 1.
    const first = uniform(Math.sqrt(6 / 27) / 64);
    this.layers = [this.child('conv1', new Relu6Conv(device, 3, 32, 3, { stride: 2, init: first }))];
    let channels = 32;
    for (const [k, out] of CHANNELS.entries()) {
      const i = k + 1;
      const depthwise = { stride: MOBILENET_HALVING.has(i) ? 2 : 1, groups: channels, init };
      this.layers.push(
        this.child(`conv_dw_${i}`, new Relu6Conv(device, channels, channels, 3, depthwise)),
        this.child(`conv_pw_${i}`, new Relu6Conv(device, channels, out, 1, { init })),
      );
      channels = out;
    }
  }

  forward(x: Tensor): Tensor {
    return this.run(() => F.flatten(F.adaptiveAvgPool2d(this.chain(this.layers, x), 1)));
  }
}
