import type { Activation, BatchNormTensors, Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { constant, type Initialiser, uniform } from './init';
import { Module } from './module';

export interface Conv2dConfig extends Pick<F.Conv2dOptions, 'padding' | 'dilation' | 'groups'> {
  readonly stride?: number;
  readonly bias?: boolean;
  /** PyTorch's default (uniform, bound 1 / sqrt(fan_in)) unless told otherwise. */
  readonly init?: Initialiser;
}

/**
 * A 2-D convolution: weight [out, in / groups, kernel, kernel], bias [out] unless `bias: false`.
 * @example
 * const conv = new Conv2d(device, 3, 8, 3, { padding: 1, stride: 2 }).initialise(1);
 * conv.forward(zeros(device, [1, 3, 8, 8])).shape; // [1, 8, 4, 4]
 */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly options: Readonly<Required<Pick<Conv2dConfig, 'stride' | 'padding' | 'dilation' | 'groups'>>>;

  constructor(device: Device, channelsIn: number, channelsOut: number, kernel: number, config: Conv2dConfig = {}) {
    super(device);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = config;
    const members = channelsIn / groups;
    const bound = uniform(1 / Math.sqrt(members * kernel * kernel));
    this.weight = this.parameter('weight', [channelsOut, members, kernel, kernel], config.init ?? bound, 'taps');
    this.bias = bias ? this.parameter('bias', [channelsOut], bound) : null;
    this.options = { stride, padding, dilation, groups };
  }

  /** @param epilogue see `BatchNorm2d.asEpilogue` */
  forward(x: Tensor, out?: Tensor, epilogue?: F.Conv2dEpilogue): Tensor {
    return this.see(F.conv2d(x, this.weight, this.bias, { ...this.options, out, epilogue }));
  }

  /** act(conv(x)). */
  activated(activation: 'relu' | 'relu6', x: Tensor): Tensor {
    if (this.unseen) return this.forward(x, undefined, { activation });
    return this.run(() => (activation === 'relu' ? F.relu : F.relu6)(this.forward(x)));
  }

  override get kind(): string {
    const [, , h, w] = this.weight.shape;
    const { stride, dilation, groups } = this.options;
    const more = [
      ...(stride > 1 ? [`stride ${stride}`] : []),
      ...([dilation].flat().some((d) => d > 1) ? [`dilation ${dilation}`] : []),
      ...(groups > 1 ? [`groups ${groups}`] : []),
    ];
    return [`Conv2d ${h}x${w}`, ...more].join(', ');
  }

  /** Every tap counts, also where it meets the padding. */
  override multiplyAdds(output: Tensor): number {
    return (output.size * this.weight.size) / this.weight.shape[0];
  }
}

/**
 * A convolution padded as TensorFlow's SAME: ceil(size / stride) positions, and of an odd number of zeros one more behind.
 * @example
 * const conv = new SameConv2d(device, 3, 8, 3, { stride: 2 }).initialise(1);
 * conv.forward(zeros(device, [1, 3, 7, 7])).shape; // [1, 8, 4, 4]
 */
export class SameConv2d extends Conv2d {
  override forward(x: Tensor, out?: Tensor, epilogue?: F.Conv2dEpilogue): Tensor {
    const [, , h, w] = x.shape;
    const padding = F.samePadding([h, w], this.weight.shape[2], this.options.stride);
    return this.see(F.conv2d(x, this.weight, this.bias, { ...this.options, padding, out, epilogue }));
  }
}

/**
 * Batch normalisation over channels, with running statistics as PyTorch's.
 * @example
 * const norm = new BatchNorm2d(device, 2).initialise(1).eval();
 * await norm.forward(tensor(device, [-1, 4], [1, 2]), 'relu').data(); // [0, 4]
 */
export class BatchNorm2d extends Module {
  readonly tensors: BatchNormTensors;

  constructor(device: Device, channels: number) {
    super(device);
    this.tensors = {
      weight: this.parameter('weight', [channels], constant(1)),
      bias: this.parameter('bias', [channels], constant(0)),
      runningMean: this.buffer('running_mean', F.runningStatistic(device, channels, 'running_mean'), 0),
      runningVar: this.buffer('running_var', F.runningStatistic(device, channels, 'running_var'), 1),
      batchesTracked: this.counter('num_batches_tracked').tensor,
    };
  }

  /** act(batch_norm(x)). */
  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    return this.see(F.batchNorm(x, this.tensors, this.mode, activation));
  }

  /** conv(act(batch_norm(x))), with nothing stored in between. */
  thenConv(activation: Activation, conv: Conv2d, x: Tensor, out?: Tensor, epilogue?: F.Conv2dEpilogue): Tensor {
    const options = { ...conv.options, out, epilogue };
    return conv.see(F.batchNormConv2d(x, this.tensors, this.mode, activation, conv.weight, conv.bias, options));
  }

  /** avg_pool2d(act(batch_norm(x)), 2), in one pass. */
  thenAvgPool(activation: Activation, x: Tensor): Tensor {
    return this.see(F.batchNormAvgPool2d(x, this.tensors, this.mode, activation));
  }

  /**
   * What a convolution of x takes to store act(batch_norm(y)) in place of y, to the same bits; undefined where y itself is wanted: in
   * training, for gradients, by those who look on, and as f16, to which y would be rounded in between.
   */
  asEpilogue(activation: Activation, x: Tensor): F.Conv2dEpilogue | undefined {
    return this.training || !this.unseen || x.dtype !== 'f32' ? undefined : { norm: this.tensors, activation };
  }

  private get mode(): { training: boolean } {
    return { training: this.training };
  }
}

/**
 * y = x W^T + b: weight [out, in], bias [out].
 * @example
 * const layer = new Linear(device, 4, 2).initialise(1);
 * layer.forward(zeros(device, [8, 4])).shape; // [8, 2]
 * [...layer.namedParameters()].map(([name]) => name); // ['weight', 'bias']
 */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(device: Device, featuresIn: number, featuresOut: number) {
    super(device);
    const bound = uniform(1 / Math.sqrt(featuresIn));
    this.weight = this.parameter('weight', [featuresOut, featuresIn], bound);
    this.bias = this.parameter('bias', [featuresOut], bound);
  }

  forward(x: Tensor): Tensor {
    return this.see(F.linear(x, this.weight, this.bias));
  }

  override multiplyAdds(output: Tensor): number {
    return (output.size * this.weight.size) / this.weight.shape[0];
  }
}

/**
 * Modules in a row, named by their place.
 * @example
 * const net = new Sequential(device, [new Linear(device, 4, 8), new Linear(device, 8, 2)]).initialise(1);
 * net.layers.reduce((x, layer) => layer.forward(x), zeros(device, [1, 4])).shape; // [1, 2]
 * net.parameters().length; // 4
 */
export class Sequential<M extends Module> extends Module {
  readonly layers: readonly M[];

  /** @param named the modules with their names in the state dict, or modules named 0, 1, 2 … */
  constructor(device: Device, named: readonly (M | readonly [string, M])[]) {
    super(device);
    this.layers = named.map((entry, i) => {
      const [name, module] = entry instanceof Module ? [String(i), entry] : entry;
      return this.child(name, module);
    });
  }
}
