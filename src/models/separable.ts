import type { Tensor } from '../autograd';
import type { Device } from '../device';
import { type Initialiser, uniform } from './init';
import { Conv2d, SameConv2d } from './layers';
import { Module } from './module';

/** A depthwise 3x3 convolution, padded as TensorFlow's SAME, and a 1x1 over it: nothing in between, one bias at the end. */
export class SeparableConv2d extends Module {
  private readonly depthwise: SameConv2d;
  private readonly pointwise: Conv2d;

  /** @param init of the 1x1's weight; PyTorch's default unless told otherwise */
  constructor(
    device: Device,
    channelsIn: number,
    channelsOut: number,
    { stride = 1, init }: { readonly stride?: number; readonly init?: Initialiser } = {},
  ) {
    super(device);
    // Variance 1 / fan_in: nothing follows that would halve it.
    const keeps = uniform(Math.sqrt(3 / 9));
    const depthwise = { stride, groups: channelsIn, bias: false, init: keeps };
    this.depthwise = this.child('depthwise', new SameConv2d(device, channelsIn, channelsIn, 3, depthwise));
    this.pointwise = this.child('pointwise', new Conv2d(device, channelsIn, channelsOut, 1, { init }));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => this.pointwise.forward(this.depthwise.forward(x)));
  }

  /** act of it. */
  activated(activation: 'relu' | 'relu6', x: Tensor): Tensor {
    return this.run(() => this.pointwise.activated(activation, this.depthwise.forward(x)));
  }
}
