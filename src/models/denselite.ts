import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { uniform } from './init';
import { Conv2d, SameConv2d } from './layers';
import { Module, type StateEntry } from './module';

const he = { init: { kind: 'kaiming_uniform' } } as const;

/** A depthwise 3x3 convolution, padded as TensorFlow's SAME, and a 1x1 over it: nothing in between, one bias at the end. */
class Separable extends Module {
  private readonly depthwise: SameConv2d;
  private readonly pointwise: Conv2d;

  /** @param joined whether the result is added to others: then it starts smaller, as PyTorch's default has it. */
  constructor(device: Device, channelsIn: number, channelsOut: number, stride: number, joined: boolean) {
    super(device);
    // Variance 1 / fan_in: nothing follows that would halve it.
    const keeps = uniform(Math.sqrt(3 / 9));
    const depthwise = { stride, groups: channelsIn, bias: false, init: keeps };
    this.depthwise = this.child('depthwise', new SameConv2d(device, channelsIn, channelsIn, 3, depthwise));
    this.pointwise = this.child('pointwise', new Conv2d(device, channelsIn, channelsOut, 1, joined ? {} : he));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => this.pointwise.forward(this.depthwise.forward(x)));
  }
}

/** a = relu(conv0(x)), half the size; each further convolution reads the relu of the sum of all before it and joins that sum. */
class SeparableBlock extends Module {
  private readonly first: SameConv2d | Separable;
  private readonly rest: Separable[];

  constructor(device: Device, channelsIn: number, channelsOut: number) {
    super(device);
    const first =
      channelsIn === 3
        ? new SameConv2d(device, channelsIn, channelsOut, 3, { ...he, stride: 2 })
        : new Separable(device, channelsIn, channelsOut, 2, false);
    this.first = this.child('conv0', first);
    this.rest = [1, 2, 3].map((i) => this.child(`conv${i}`, new Separable(device, channelsOut, channelsOut, 1, true)));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => {
      let y = F.relu(this.first.forward(x));
      let sum = y;
      for (const conv of this.rest) {
        sum = F.add(sum, conv.forward(y));
        y = F.relu(sum);
      }
      return this.see(y);
    });
  }
}

/**
 * The separable dense network of face-api's landmark and expression nets: four blocks of 32, 64, 128 and 256 channels, of which each
 * halves the map. x [N, 3, S, S] gives the last map's means [N, 256]. S is 112 there; any other works.
 *
 * Names are face-api's `dense0/conv0` with a dot: `filters` and `depthwise_filter` are `weight` and `depthwise.weight`,
 * `pointwise_filter` and the `bias` beside it `pointwise.weight` and `pointwise.bias`.
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
    return this.run(() => F.flatten(F.adaptiveAvgPool2d(this.chain(this.blocks, x), 1)));
  }
}

/**
 * A state dict of `DenseLiteFeatures` out of face-api's tensors, by their names and in TensorFlow's layouts (kernels kh kw in out,
 * depthwise kh kw c 1). What is not of the four blocks (`fc/weights`, `fc/bias`) is left out.
 */
export function denseLiteState(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>,
): Map<string, StateEntry> {
  const state = new Map<string, StateEntry>();
  for (const [name, { shape, data }] of tensors) {
    const [, conv, part] = NAME.exec(name) ?? [];
    if (!part) continue;
    const kind = PARTS[part];
    const separable = tensors.has(`${conv}/pointwise_filter`);
    const own = kind.name ?? (separable ? 'pointwise.bias' : 'bias');
    state.set(`${conv.replace('/', '.')}.${own}`, permuted(shape, data, kind.axes));
  }
  return state;
}

const NAME = /^(dense\d\/conv\d)\/(filters|depthwise_filter|pointwise_filter|bias)$/;

/** Our name of a part of a convolution, and the axes of TensorFlow's layout in the order of ours. */
const PARTS: Readonly<Record<string, { readonly name?: string; readonly axes: readonly number[] }>> = {
  filters: { name: 'weight', axes: [3, 2, 0, 1] },
  depthwise_filter: { name: 'depthwise.weight', axes: [2, 3, 0, 1] },
  pointwise_filter: { name: 'pointwise.weight', axes: [3, 2, 0, 1] },
  bias: { axes: [0] },
};

function permuted(shape: readonly number[], data: ArrayLike<number>, axes: readonly number[]): StateEntry {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const sizes = axes.map((a) => shape[a]);
  const out = Float32Array.from(data, (_, i) => {
    let [at, rest] = [0, i];
    for (let k = axes.length - 1; k >= 0; k--) {
      at += (rest % sizes[k]) * strides[axes[k]];
      rest = Math.floor(rest / sizes[k]);
    }
    return data[at];
  });
  return { shape: sizes, data: out };
}
