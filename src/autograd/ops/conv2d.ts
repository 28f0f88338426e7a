import { InputError } from '../../base/errors';
import type { Activation } from '../../kernels/activation';
import { columnSums } from '../../kernels/column_sums';
import * as kernels from '../../kernels/conv2d';
import type { Epilogue, Prologue } from '../../kernels/norm';
import { sumsOf } from '../sums';
import { gradEnabled, gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { turningOf } from '../turned';
import { wantFloat32, wantFloats } from './check';
import { type BatchNormTensors, EPS, runningPlanes, wantNorm } from './running_norm';

/** One number, [top and bottom, left and right] or [top, bottom, left, right]. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

export interface Conv2dOptions {
  /** Step of the window, one number or [down, right]. Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Zeros around the image: one number, [top and bottom, left and right], or [top, bottom, left, right]. Default 0. */
  readonly padding?: Padding;
  /** Pixels from one tap of the window to the next, one number or [down, right]. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** x's channels, and the result's, in so many parts that do not see one another. Default 1; x's channels: depthwise. */
  readonly groups?: number;
  /** Where the result goes, e.g. a channel slice of a larger tensor; a new tensor by default. */
  readonly out?: Tensor;
  /** What becomes of the result as it is stored: only under `noGrad`. */
  readonly epilogue?: Conv2dEpilogue;
}

/** act(batch_norm(y)) by the running statistics, with the usual eps, or act(y). */
export interface Conv2dEpilogue {
  readonly activation: Activation;
  readonly norm?: BatchNormTensors;
}

export const pair = (v: number | readonly [number, number]): readonly [number, number] =>
  typeof v === 'number' ? [v, v] : v;

/** [top, bottom, left, right] */
export function sides(padding: Padding): readonly [number, number, number, number] {
  if (typeof padding === 'number') return [padding, padding, padding, padding];
  return padding.length === 2 ? [padding[0], padding[0], padding[1], padding[1]] : padding;
}

/**
 * TensorFlow's padding SAME, [top, bottom, left, right], of a map [H, W]: each axis gives ceil(size / stride) pixels, with
 * total = max((ceil(size / stride) - 1) * stride + kernel - size, 0) zeros, floor(total / 2) before and the rest after.
 * @example
 * samePadding([112, 112], 3, 2); // [0, 1, 0, 1]
 */
export function samePadding(
  size: readonly [number, number],
  kernel: number,
  stride: number,
): readonly [number, number, number, number] {
  const [h, w] = size.map((n) => Math.max((Math.ceil(n / stride) - 1) * stride + kernel - n, 0));
  return [h >> 1, h - (h >> 1), w >> 1, w - (w >> 1)];
}

/** Checks the shapes of a convolution and works out its sizes. @throws InputError when they do not fit. */
export function conv2dGeometry(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  o: Conv2dOptions,
): kernels.Conv2dGeometry {
  const fail = (what: string): never => {
    throw new InputError(`conv2d: ${what}; x is ${x}, weight ${weight}${bias ? `, bias ${bias}` : ''}`);
  };
  wantFloats('conv2d', x);
  wantFloat32('conv2d', weight, bias);
  if (x.shape.length !== 4 || x.layout !== 'rows') fail('x must be [N, C, H, W] in layout rows');
  if (weight.shape.length !== 4 || weight.layout !== 'taps') fail('weight must be [O, C, KH, KW] in layout taps');
  const [n, ci, h, w] = x.shape;
  const [co, wi, kh, kw] = weight.shape;
  const groups = o.groups ?? 1;
  if (!Number.isInteger(groups) || groups < 1) fail(`groups must be at least 1, found ${groups}`);
  if (ci % groups !== 0 || co % groups !== 0) fail(`${groups} groups must divide the channels, ${ci} in and ${co} out`);
  if (wi * groups !== ci)
    fail(`weight expects ${wi * groups} channels${groups > 1 ? ` in ${groups} groups` : ''}, x has ${ci}`);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== co)) fail(`bias must be [${co}]`);
  const [stride, dilation] = [pair(o.stride ?? 1), pair(o.dilation ?? 1)];
  const padding = sides(o.padding ?? 0);
  const [top, bottom, left, right] = padding;
  if (stride.some((s) => !Number.isInteger(s) || s < 1)) fail(`stride must be at least 1, found ${stride}`);
  if (padding.some((p) => !Number.isInteger(p) || p < 0)) fail(`padding must not be negative, found ${padding}`);
  if (dilation.some((d) => !Number.isInteger(d) || d < 1)) fail(`dilation must be at least 1, found ${dilation}`);
  const [eh, ew] = [kernels.extent(kh, dilation[0]), kernels.extent(kw, dilation[1])];
  const oh = kernels.outputSize(h, eh, stride[0], top, bottom);
  const ow = kernels.outputSize(w, ew, stride[1], left, right);
  if (oh < 1 || ow < 1) fail(`the kernel ${eh}x${ew} is larger than the padded image`);
  if (o.out && o.out.shape.join() !== [n, co, oh, ow].join())
    fail(`out is ${o.out}, the result is ${[n, co, oh, ow].join('x')}`);
  if (o.out && o.out.layout !== 'rows') fail(`out must be in layout rows, found ${o.out.layout}`);
  if (o.out && o.out.dtype !== x.dtype) fail(`out is stored as ${o.out.dtype}, x as ${x.dtype}`);
  return { n, h, w, ci, co, kh, kw, oh, ow, stride, padding: [top, left], dilation, groups };
}

/**
 * What a convolution does to its results y as it stores them.
 * @throws InputError when a norm's channels are not theirs; Error where gradients are recorded
 */
export function epilogueOf(y: Tensor, { epilogue }: Conv2dOptions): Epilogue | null {
  if (!epilogue) return null;
  if (gradEnabled()) throw new Error('conv2d: an epilogue has no gradient: use it under noGrad');
  const { activation, norm } = epilogue;
  if (norm) wantNorm(norm, y);
  return { activation, planes: norm ? runningPlanes(norm, EPS) : null };
}

/**
 * 2-D convolution (cross-correlation, as PyTorch's conv2d; with one-sided padding besides).
 * x [N, C, H, W], weight [O, C / groups, KH, KW] in layout taps, bias [O] or null. Returns [N, O, OH, OW] with
 * OH = floor((H + top + bottom - dilation (KH - 1) - 1) / stride) + 1, stored as x is; weight and bias are f32.
 * @throws InputError when shapes do not fit.
 * @example
 * const x = tensor(device, [1, 2, 3, 4], [1, 1, 2, 2]);
 * const weight = tensor(device, [1, 1, 1, 1], [1, 1, 2, 2], { layout: 'taps' });
 * await conv2d(x, weight, null).data(); // [10]
 * conv2d(x, weight, null, { padding: 1 }).shape; // [1, 1, 3, 3]
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
  const g = conv2dGeometry(x, weight, bias, options);
  const { device } = x;
  const y = options.out ?? empty(device, [g.n, g.co, g.oh, g.ow], { dtype: x.dtype, name: 'conv2d' });
  kernels.forward(
    device,
    g,
    matrixOf(x),
    weight.storage,
    bias?.storage ?? null,
    matrixOf(y),
    null,
    epilogueOf(y, options),
  );
  record(
    'conv2d',
    [x, weight, bias],
    [y],
    (dy) => {
      if (!dy) return;
      conv2dBackwardWeight(g, x, dy, weight, bias, null);
      const dx = gradInto(x);
      if (!dx) return;
      const turned = turningOf(device).take(weight);
      kernels.backwardData(device, g, matrixOf(dy), weight.storage, matrixOf(dx.grad), dx.accumulate, turned);
    },
    [],
    x.requiresGrad && g.groups === 1 ? weight : null,
  );
  return y;
}

/** Gradients of weight and bias, shared with the fused convolutions. */
export function conv2dBackwardWeight(
  g: kernels.Conv2dGeometry,
  x: Tensor,
  dy: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  prologue: Prologue | null,
): void {
  const { device } = x;
  const sums = sumsOf(device);
  const dw = gradInto(weight);
  if (dw) kernels.backwardWeight(device, g, matrixOf(x), matrixOf(dy), dw.grad.storage, dw.accumulate, prologue, sums);
  const db = gradInto(bias);
  if (db) columnSums(device, matrixOf(dy), db.grad.storage, db.accumulate, sums);
}
