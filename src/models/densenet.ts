import type { Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { BatchNorm2d, Conv2d, Sequential } from './layers';
import { Module } from './module';

const GROWTH = 32;
const BOTTLENECK = 4 * GROWTH;
const he = { bias: false, init: { kind: 'kaiming_normal' } } as const;

/**
 * conv3x3(relu(norm(conv1x1(relu(norm(x)))))): the 32 channels that a layer adds to its input.
 * @example
 * const layer = new DenseLayer(device, 64).initialise(1);
 * layer.forward(zeros(device, [1, 64, 4, 4])).shape; // [1, 32, 4, 4]
 */
export class DenseLayer extends Module {
  private readonly norm1: BatchNorm2d;
  private readonly conv1: Conv2d;
  private readonly norm2: BatchNorm2d;
  private readonly conv2: Conv2d;

  constructor(device: Device, channelsIn: number) {
    super(device);
    this.norm1 = this.child('norm1', new BatchNorm2d(device, channelsIn));
    this.conv1 = this.child('conv1', new Conv2d(device, channelsIn, BOTTLENECK, 1, he));
    this.norm2 = this.child('norm2', new BatchNorm2d(device, BOTTLENECK));
    this.conv2 = this.child('conv2', new Conv2d(device, BOTTLENECK, GROWTH, 3, { ...he, padding: 1 }));
  }

  /** @param out where the new channels go. */
  forward(x: Tensor, out?: Tensor): Tensor {
    return this.run(() => {
      const epilogue = this.norm2.asEpilogue('relu', x);
      const bottleneck = this.norm1.thenConv('relu', this.conv1, x, undefined, epilogue);
      if (epilogue) return this.conv2.forward(bottleneck, out);
      return this.norm2.thenConv('relu', this.conv2, bottleneck, out);
    });
  }
}

/**
 * Layers that each read all channels before them. All channels live in one buffer that every layer appends to.
 * @example
 * const block = new DenseBlock(device, 64, 2).initialise(1);
 * const { whole, front } = block.room(1, 4, 4, zeros(device, [1, 1, 1, 1]));
 * new Conv2d(device, 3, 64, 1).initialise(1).forward(zeros(device, [1, 3, 4, 4]), front); // the block's input
 * block.forward(whole).shape; // [1, 128, 4, 4]
 */
export class DenseBlock extends Sequential<DenseLayer> {
  constructor(
    device: Device,
    private readonly channelsIn: number,
    layers: number,
  ) {
    super(
      device,
      Array.from({ length: layers }, (_, i) => [`denselayer${i + 1}`, new DenseLayer(device, channelsIn + GROWTH * i)]),
    );
  }

  get channelsOut(): number {
    return this.channelsIn + GROWTH * this.layers.length;
  }

  /** A buffer for the block's output, stored as `like` is; whoever makes the block's input writes it into the front. */
  room(n: number, h: number, w: number, like: Tensor): { whole: Tensor; front: Tensor } {
    const whole = F.empty(this.device, [n, this.channelsOut, h, w], { dtype: like.dtype, name: 'dense_block' });
    return { whole, front: F.sliceChannels(whole, 0, this.channelsIn) };
  }

  /** @param whole a buffer from `room` with its front written. Returns it with all channels written. */
  forward(whole: Tensor): Tensor {
    this.layers.forEach((layer, i) => {
      const channels = this.channelsIn + GROWTH * i;
      const out = F.sliceChannels(whole, channels, channels + GROWTH);
      layer.forward(F.sliceChannels(whole, 0, channels), out);
    });
    return this.see(whole);
  }
}

/**
 * Half the channels, half the size: norm, relu, conv1x1, average pool. The 1x1 convolution and the average commute, so the
 * pool comes first and the convolution has a quarter of the work.
 * @example
 * const transition = new Transition(device, 64).initialise(1);
 * transition.forward(zeros(device, [1, 64, 4, 4])).shape; // [1, 32, 2, 2]
 */
export class Transition extends Module {
  private readonly norm: BatchNorm2d;
  private readonly conv: Conv2d;

  constructor(device: Device, channelsIn: number) {
    super(device);
    this.norm = this.child('norm', new BatchNorm2d(device, channelsIn));
    this.conv = this.child('conv', new Conv2d(device, channelsIn, channelsIn / 2, 1, he));
  }

  forward(x: Tensor, out?: Tensor): Tensor {
    return this.run(() => this.conv.forward(this.norm.thenAvgPool('relu', x), out));
  }
}

/**
 * The convolutional part of DenseNet-121 (Huang et al., CVPR 2017), with torchvision's names and initialisation.
 * x [N, 3, H, W] gives [N, 1024, H/32, W/32] (each halving rounds as PyTorch's does), normalised by norm5, without ReLU.
 * @example
 * const net = new DenseNet121Features(device).initialise(1).eval();
 * noGrad(() => net.forward(zeros(device, [1, 3, 32, 32]))).shape; // [1, 1024, 1, 1]
 */
export class DenseNet121Features extends Module {
  private readonly conv0: Conv2d;
  private readonly norm0: BatchNorm2d;
  private readonly blocks: DenseBlock[] = [];
  private readonly transitions: Transition[] = [];
  private readonly norm5: BatchNorm2d;

  constructor(device: Device) {
    super(device);
    this.conv0 = this.child('conv0', new Conv2d(device, 3, 64, 7, { ...he, stride: 2, padding: 3 }));
    this.norm0 = this.child('norm0', new BatchNorm2d(device, 64));
    let channels = 64;
    [6, 12, 24, 16].forEach((layers, i) => {
      const block = this.child(`denseblock${i + 1}`, new DenseBlock(device, channels, layers));
      this.blocks.push(block);
      channels = block.channelsOut;
      if (i === 3) return;
      this.transitions.push(this.child(`transition${i + 1}`, new Transition(device, channels)));
      channels /= 2;
    });
    this.norm5 = this.child('norm5', new BatchNorm2d(device, channels));
  }

  forward(x: Tensor, activation: 'none' | 'relu' = 'none'): Tensor {
    return this.run(() => {
      const epilogue = this.norm0.asEpilogue('relu', x);
      const conv = this.conv0.forward(x, undefined, epilogue);
      const stem = epilogue ? conv : this.norm0.forward(conv, 'relu');
      const pool = { kernel: 3, stride: 2, padding: 1 };
      const [n, , h, w] = stem.shape;
      let room = this.blocks[0].room(n, Math.floor((h - 1) / 2) + 1, Math.floor((w - 1) / 2) + 1, stem);
      F.maxPool2d(stem, { ...pool, out: room.front });
      let y = this.blocks[0].forward(room.whole);
      this.transitions.forEach((transition, i) => {
        room = this.blocks[i + 1].room(n, Math.floor(y.shape[2] / 2), Math.floor(y.shape[3] / 2), y);
        transition.forward(y, room.front);
        y = this.blocks[i + 1].forward(room.whole);
      });
      return this.norm5.forward(y, activation);
    });
  }
}
