import { InputError } from '../../base/errors';
import { columnSums } from '../../kernels/column_sums';
import * as kernels from '../../kernels/conv2d';
import type { Prologue } from '../../kernels/norm';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantFloat32, wantFloats } from './check';

/** One number, [top and bottom, left and right] or [top, bottom, left, right]. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

export interface Conv2dOptions {
  /** Step of the window, one number or [down, right]. Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Zeros around the image, one number or [top and bottom, left and right]. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Where the result goes, e.g. a channel slice of a larger tensor; a new tensor by default. */
  readonly out?: Tensor;
}

export const pair = (v: number | readonly [number, number]): readonly [number, number] =>
  typeof v === 'number' ? [v, v] : v;

/** [top, bottom, left, right] */
export function sides(padding: Padding): readonly [number, number, number, number] {
  if (typeof padding === 'number') return [padding, padding, padding, padding];
  return padding.length === 2 ? [padding[0], padding[0], padding[1], padding[1]] : padding;
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
  if (wi !== ci) fail(`weight expects ${wi} channels, x has ${ci}`);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== co)) fail(`bias must be [${co}]`);
  const [stride, padding] = [pair(o.stride ?? 1), pair(o.padding ?? 0)];
  if (stride.some((s) => !Number.isInteger(s) || s < 1)) fail(`stride must be at least 1, found ${stride}`);
  if (padding.some((p) => !Number.isInteger(p) || p < 0)) fail(`padding must not be negative, found ${padding}`);
  const oh = kernels.outputSize(h, kh, stride[0], padding[0]);
  const ow = kernels.outputSize(w, kw, stride[1], padding[1]);
  if (oh < 1 || ow < 1) fail(`the kernel ${kh}x${kw} is larger than the padded image`);
  if (o.out && o.out.shape.join() !== [n, co, oh, ow].join())
    fail(`out is ${o.out}, the result is ${[n, co, oh, ow].join('x')}`);
  if (o.out && o.out.dtype !== x.dtype) fail(`out is stored as ${o.out.dtype}, x as ${x.dtype}`);
  return { n, h, w, ci, co, kh, kw, oh, ow, stride, padding };
}

/**
 * 2-D convolution (cross-correlation, as PyTorch's conv2d; no groups, no dilation).
 * x [N, C, H, W], weight [O, C, KH, KW] in layout taps, bias [O] or null. Returns [N, O, OH, OW] with
 * OH = floor((H + 2 padding - KH) / stride) + 1, stored as x is; weight and bias are f32.
 * @throws InputError when shapes do not fit.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
  const g = conv2dGeometry(x, weight, bias, options);
  const { device } = x;
  const y = options.out ?? empty(device, [g.n, g.co, g.oh, g.ow], { dtype: x.dtype, name: 'conv2d' });
  kernels.forward(device, g, matrixOf(x), weight.storage, bias?.storage ?? null, matrixOf(y), null);
  record('conv2d', [x, weight, bias], [y], (dy) => {
    if (!dy) return;
    conv2dBackwardWeight(g, x, dy, weight, bias, null);
    const dx = gradInto(x);
    if (dx) kernels.backwardData(device, g, matrixOf(dy), weight.storage, matrixOf(dx.grad), dx.accumulate);
  });
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
  const dw = gradInto(weight);
  if (dw) kernels.backwardWeight(device, g, matrixOf(x), matrixOf(dy), dw.grad.storage, dw.accumulate, prologue);
  const db = gradInto(bias);
  if (db) columnSums(device, matrixOf(dy), db.grad.storage, db.accumulate);
}
