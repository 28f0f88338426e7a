import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { Conv2d } from '../models/layers';
import { Module } from '../models/module';

/** A depthwise 3x3 convolution, padded as TensorFlow's SAME, and a 1x1 over it: nothing in between, one bias at the end. */
export class SeparableConv2d extends Module {
  private readonly depthwise: Conv2d;
  private readonly pointwise: Conv2d;

  constructor(
    device: Device,
    channelsIn: number,
    channelsOut: number,
    private readonly stride = 1,
  ) {
    super(device);
    const depthwise = { stride, groups: channelsIn, bias: false };
    this.depthwise = this.child('depthwise', new Conv2d(device, channelsIn, channelsIn, 3, depthwise));
    this.pointwise = this.child('pointwise', new Conv2d(device, channelsIn, channelsOut, 1));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => this.pointwise.forward(same(x, this.depthwise, this.stride)));
  }
}

/** A convolution of a map, padded as TensorFlow's SAME: of an odd number of zeros one more behind. */
export function same(x: Tensor, conv: Conv2d, stride: number): Tensor {
  const [, , h, w] = x.shape;
  const padding = F.samePadding([h, w], conv.weight.shape[2], stride);
  return conv.see(F.conv2d(x, conv.weight, conv.bias, { ...conv.options, padding }));
}
