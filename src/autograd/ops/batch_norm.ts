import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import type { Activation } from '../../kernels/activation';
import * as kernels from '../../kernels/batch_norm';
import * as conv from '../../kernels/conv2d';
import type { Parted } from '../../kernels/launch/matrix';
import type { Prologue } from '../../kernels/norm';
import { activated } from '../activated';
import { Coverage } from '../coverage';
import { leaveMoments } from '../moments';
import { type GradTarget, gradInto, oweInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { turningOf } from '../turned';
import { wantFloats } from './check';
import { type Conv2dOptions, conv2dBackwardWeight, conv2dGeometry, epilogueOf } from './conv2d';
import { type BatchNormTensors, EPS, runningPack, wantNorm } from './running_norm';

export interface BatchNormOptions {
  /** Normalise by the batch and let the running statistics follow, or normalise by the running ones. */
  readonly training: boolean;
  /** Share of the new batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Added to the variance inside the root. Default 1e-5. */
  readonly eps?: number;
}

/**
 * The statistics of x's channels: computed once a channel, whoever normalises later. What is missing (all that lies between,
 * too, where that is several ranges) is fresh: `kernels.prepare` makes it.
 */
function statisticsOf(x: Tensor): kernels.BatchStatistics {
  const { value, device } = x;
  const { contents } = value;
  value.touch();
  if (!contents.stats?.storage.alive) contents.stats = null;
  contents.stats ??= {
    storage: device.alloc(value.width * kernels.STATS_BYTES, `stats:${value.storage.label}`),
    covered: new Coverage(),
  };
  const { storage: stats, covered } = contents.stats;
  const batch = { stats, first: x.offset, rows: x.rows };
  const gaps = covered.missing(...x.columns);
  if (gaps.length === 0) return { ...batch, fresh: null };
  const [from, to] = [gaps[0][0], gaps[gaps.length - 1][1]];
  covered.add(from, to);
  return { ...batch, fresh: { ...matrixOf(x), channels: to - from, offset: from } };
}

/** What a channel's normalisation takes (see kernels.prepare); in training the batch's moments are left for the running ones. */
function prepare(
  x: Tensor,
  bn: BatchNormTensors,
  { training, momentum = 0.1, eps = EPS }: BatchNormOptions,
  activation: Activation,
): Storage {
  const { device } = x;
  if (x.layout !== 'rows') throw new InputError(`batch_norm: ${x} must be in layout rows, found ${x.layout}`);
  wantFloats('batch_norm', x);
  wantNorm(bn, x);
  if (training && x.rows === 1)
    throw new InputError(`batch_norm: expected more than 1 value per channel when training, found ${x}`);
  if (!(momentum >= 0 && momentum <= 1))
    throw new InputError(`batch_norm: momentum must be from 0 to 1, found ${momentum}`);
  if (!(eps >= 0)) throw new InputError(`batch_norm: eps must be 0 or more, found ${eps}`);
  if (!training) {
    activated(x, activation, { ...bn, eps });
    return runningPack(bn, eps);
  }
  const channels = x.shape[1];
  const pack = device.alloc(channels * kernels.PACK_BYTES, 'batch_norm.pack');
  const affine = { gamma: bn.weight.storage, beta: bn.bias.storage, eps };
  const batch = statisticsOf(x);
  const left = leaveMoments(bn.runningMean, bn.runningVar, momentum, bn.batchesTracked ?? null);
  kernels.prepare(device, channels, affine, pack, batch, left);
  return pack;
}

const targetOf = (to: GradTarget | null) => to && { storage: to.grad.storage, accumulate: to.accumulate };

function backward(
  device: Device,
  x: Tensor,
  dy: Parted,
  bn: BatchNormTensors,
  pack: Storage,
  activation: Activation,
  training: boolean,
  pool: kernels.Pooled | null = null,
): void {
  const [dgamma, dbeta, dx] = [gradInto(bn.weight), gradInto(bn.bias), gradInto(x)];
  const targets = {
    dgamma: targetOf(dgamma),
    dbeta: targetOf(dbeta),
    dx: dx && { matrix: matrixOf(dx.grad), accumulate: dx.accumulate },
  };
  kernels.backward(device, matrixOf(x), dy, pack, activation, training, targets, pool);
}

/**
 * batchNormConv2d's gradient to x, and to the norm's parameters, in one pass over x: the convolution's goes through the norm as
 * it is made. What the batch's moments add to it is owed (see oweInto): of a dense block's many norms it is settled once.
 */
function backwardThroughNorm(
  g: conv.Conv2dGeometry,
  x: Tensor,
  dy: Tensor,
  bn: BatchNormTensors,
  weight: Tensor,
  prologue: Prologue,
  training: boolean,
): void {
  const { device } = x;
  const [dgamma, dbeta, dx] = [gradInto(bn.weight), gradInto(bn.bias), gradInto(x) as GradTarget];
  const to = dx.grad.storage;
  const sums = conv.backwardDataThroughNorm(
    device,
    g,
    matrixOf(dy),
    weight.storage,
    matrixOf(x),
    prologue,
    to,
    dx.accumulate,
    turningOf(device).take(weight),
  );
  const targets = { dgamma: targetOf(dgamma), dbeta: targetOf(dbeta) };
  kernels.backwardFromSums(device, matrixOf(x), sums, prologue.pack, targets, training ? oweInto(x) : null);
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015), as PyTorch's, with an optional activation folded in:
 * y = act((x - mean) / sqrt(var + eps) * weight + bias), mean and biased variance a channel over all rows; the running
 * variance takes n / (n - 1) of it. x [N, C] or [N, C, H, W]; the result is stored as x is, all else is f32.
 * @throws InputError when channels do not fit, momentum or eps is out of its range, or in training when a channel has one value.
 * @example
 * const norm = new BatchNorm2d(device, 1).initialise(1).tensors;
 * const x = tensor(device, [1, 3], [2, 1]);
 * await batchNorm(x, norm, { training: true }, 'relu').data(); // [0, 1]
 */
export function batchNorm(
  x: Tensor,
  bn: BatchNormTensors,
  options: BatchNormOptions,
  activation: Activation = 'none',
): Tensor {
  const { device } = x;
  const pack = prepare(x, bn, options, activation);
  const y = empty(device, x.shape, { dtype: x.dtype, name: 'batch_norm' });
  kernels.apply(device, matrixOf(x), pack, matrixOf(y), activation);
  record('batch_norm', [x, bn.weight, bn.bias], [y], (dy) => {
    if (dy) backward(device, x, matrixOf(dy), bn, pack, activation, options.training);
  });
  return y;
}

/**
 * avg_pool2d(act(batch_norm(x)), 2) in one pass each way: x [N, C, H, W] gives [N, C, H/2, W/2], rounded down.
 * @throws InputError as batchNorm, or when a side is 1.
 * @example
 * const norm = new BatchNorm2d(device, 1).initialise(1).tensors;
 * const x = tensor(device, [1, 3, 5, 7], [1, 1, 2, 2]);
 * await batchNormAvgPool2d(x, norm, { training: false }, 'none').data(); // [4]
 */
export function batchNormAvgPool2d(
  x: Tensor,
  bn: BatchNormTensors,
  options: BatchNormOptions,
  activation: Activation,
): Tensor {
  const { device } = x;
  if (x.shape.length !== 4 || x.shape[2] < 2 || x.shape[3] < 2)
    throw new InputError(`batch_norm_avg_pool2d: expected [N, C, H, W] of at least 2x2 pixels, found ${x}`);
  const [n, c, h, w] = x.shape;
  const pack = prepare(x, bn, options, activation);
  const y = empty(device, [n, c, h >> 1, w >> 1], { dtype: x.dtype, name: 'batch_norm_avg_pool2d' });
  kernels.apply(device, matrixOf(x), pack, matrixOf(y), activation, { h, w });
  record('batch_norm_avg_pool2d', [x, bn.weight, bn.bias], [y], (dy) => {
    if (dy) backward(device, x, matrixOf(dy), bn, pack, activation, options.training, { h, w });
  });
  return y;
}

/**
 * conv2d(act(batch_norm(x)), weight, bias) without storing what lies between: normalisation and activation happen as the
 * convolution, and later its weight gradient, load x. The same values as the unfused pair but for rounding.
 * @example
 * const norm = new BatchNorm2d(device, 1).initialise(1).tensors;
 * const weight = tensor(device, [2], [1, 1, 1, 1], { layout: 'taps' });
 * const x = tensor(device, [-1, 3], [2, 1, 1, 1]);
 * await batchNormConv2d(x, norm, { training: false }, 'relu', weight, null, {}).data(); // [0, 6]
 */
export function batchNormConv2d(
  x: Tensor,
  bn: BatchNormTensors,
  options: BatchNormOptions,
  activation: Activation,
  weight: Tensor,
  bias: Tensor | null,
  convOptions: Conv2dOptions,
): Tensor {
  const { device } = x;
  const g = conv2dGeometry(x, weight, bias, convOptions);
  const pack = prepare(x, bn, options, activation);
  const prologue = { pack, activation };
  const y = convOptions.out ?? empty(device, [g.n, g.co, g.oh, g.ow], { dtype: x.dtype, name: 'batch_norm_conv2d' });
  const epilogue = epilogueOf(y, convOptions);
  conv.forward(device, g, matrixOf(x), weight.storage, bias?.storage ?? null, matrixOf(y), prologue, epilogue);
  record(
    'batch_norm_conv2d',
    [x, bn.weight, bn.bias, weight, bias],
    [y],
    (dy) => {
      if (!dy) return;
      conv2dBackwardWeight(g, x, dy, weight, bias, prologue);
      if (!x.requiresGrad && !bn.weight.requiresGrad && !bn.bias.requiresGrad) return;
      // f16 would round what is yet to be settled, few rows leave too little of it, and taps cost more in that pass than it saves.
      const exact = x.dtype === 'f32' && !kernels.takesPairs(matrixOf(x));
      const through = exact && conv.isPointwise(g) && conv.ownColumns(device);
      if (through && x.requiresGrad) {
        backwardThroughNorm(g, x, dy, bn, weight, prologue, options.training);
        return;
      }
      const turned = turningOf(device).take(weight);
      const between = conv.backwardDataApart(device, g, matrixOf(dy), weight.storage, matrixOf(x), turned);
      backward(device, x, between, bn, pack, activation, options.training);
      device.free(between.storage);
    },
    [],
    g.groups === 1 ? weight : null,
  );
  return y;
}
