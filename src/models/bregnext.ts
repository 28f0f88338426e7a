import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { constant } from './init';
import { BatchNorm2d, Conv2d, Sequential } from './layers';
import { Module } from './module';

/** BReG-NeXt's shortcut of bounded gradient: atan(a x / s) / (a s), s = sqrt(c^2 + 1), with a and c learnt. */
class Shortcut extends Module {
  private readonly a: Tensor;
  private readonly c: Tensor;

  constructor(device: Device) {
    super(device);
    this.a = this.parameter('_a', [1], constant(1));
    this.c = this.parameter('_c', [1], constant(1));
  }

  forward(x: Tensor): Tensor {
    return this.see(F.shortcut(x, this.a, this.c));
  }
}

/**
 * Two pre-activated 3x3 convolutions beside the shortcut; a stride halves the size, new channels come as zeros on both sides.
 * @example
 * const layer = new BregLayer(device, 8, 16, 2).initialise(1);
 * layer.forward(tensor(device, new Float32Array(512).fill(1), [1, 8, 8, 8])).shape; // [1, 16, 4, 4]
 */
export class BregLayer extends Module {
  private readonly conv0: Conv2d;
  private readonly conv1: Conv2d;
  private readonly shortcut: Shortcut;
  private readonly norm0: BatchNorm2d;
  private readonly norm1: BatchNorm2d;

  constructor(
    device: Device,
    private readonly channelsIn: number,
    private readonly channelsOut: number,
    private readonly stride: number,
  ) {
    super(device);
    const conv = { padding: 1, init: { kind: 'kaiming_uniform' } } as const;
    this.conv0 = this.child('_conv0', new Conv2d(device, channelsIn, channelsOut, 3, { ...conv, stride }));
    this.conv1 = this.child('_conv1', new Conv2d(device, channelsOut, channelsOut, 3, conv));
    this.shortcut = this.child('_shortcut', new Shortcut(device));
    this.norm0 = this.child('_batchnorm_conv0', new BatchNorm2d(device, channelsIn));
    this.norm1 = this.child('_batchnorm_conv1', new BatchNorm2d(device, channelsOut));
  }

  forward(x: Tensor): Tensor {
    return this.run(() => {
      const epilogue = this.norm1.asEpilogue('elu', x);
      // A 3x3 convolution would compute each exponential nine times as it loads.
      const y = epilogue
        ? this.conv1.forward(this.conv0.forward(this.norm0.forward(x, 'elu'), undefined, epilogue))
        : this.norm1.thenConv('elu', this.conv1, this.norm0.thenConv('elu', this.conv0, x));
      let skip = this.shortcut.forward(x);
      if (this.stride > 1) skip = F.avgPool2d(skip, { kernel: this.stride });
      const side = (this.channelsOut - this.channelsIn) / 2;
      return F.add(y, side > 0 ? F.padChannels(skip, side, side) : skip);
    });
  }
}

/**
 * So many layers one after the other: the first takes the map from `channelsIn` to `channelsOut` channels.
 * @example
 * const block = new BregBlock(device, 2, 8, 8).initialise(1);
 * block.forward(tensor(device, new Float32Array(512).fill(1), [1, 8, 8, 8])).shape; // [1, 8, 8, 8]
 */
export class BregBlock extends Module {
  private readonly stack: Sequential<BregLayer>;

  constructor(device: Device, layers: number, channelsIn: number, channelsOut: number, stride = 1) {
    super(device);
    this.stack = this.child(
      '_layer_stack',
      new Sequential(
        device,
        Array.from(
          { length: layers },
          (_, i) => new BregLayer(device, i ? channelsOut : channelsIn, channelsOut, stride),
        ),
      ),
    );
  }

  forward(x: Tensor): Tensor {
    return this.chain(this.stack.layers, x);
  }
}

/** The trunk of BReG-NeXt-50 (Hasani, Negi, Mahoor 2020): [N, 32, H, W] gives a map [N, 128, H / 4, W / 4]. */
class Trunk extends Module {
  private readonly blocks: BregBlock[];
  private readonly norm: BatchNorm2d;

  constructor(device: Device) {
    super(device);
    const blocks: [number, number, number, number][] = [
      [7, 32, 32, 1],
      [1, 32, 64, 2],
      [8, 64, 64, 1],
      [1, 64, 128, 2],
      [7, 128, 128, 1],
    ];
    this.blocks = blocks.map((b, i) => this.child(String(i), new BregBlock(device, ...b)));
    this.norm = this.child(String(blocks.length), new BatchNorm2d(device, 128));
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(this.chain(this.blocks, x), 'elu');
  }
}

/** Convolution and trunk, registered in their owner under the original's names `_conv0` and `_model`. */
export interface BregNext {
  readonly conv0: Conv2d;
  readonly trunk: Trunk;
}

export const bregNext = (device: Device): BregNext => ({
  conv0: new Conv2d(device, 3, 32, 3, { padding: 1, init: { kind: 'kaiming_uniform' } }),
  trunk: new Trunk(device),
});

/** How many features an image has. */
export const BREG_WIDTH = 128;
