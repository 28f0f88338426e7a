import { InputError } from '../../base/errors';
import type { Storage } from '../../device';
import { outputSize } from '../../kernels/conv2d';
import * as kernels from '../../kernels/pool';
import { reduce } from '../../kernels/reduce';
import { gradEnabled, gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantMap } from './check';
import { type Padding, pair, sides } from './conv2d';

export interface PoolOptions {
  /** Size of the window, one number or [down, right]. */
  readonly kernel: number | readonly [number, number];
  /** Step of the window; the kernel's size by default. */
  readonly stride?: number | readonly [number, number];
  /**
   * Border around the image, at most half a kernel: left out of a maximum, zeros to an average. One number, [top and bottom,
   * left and right] or [top, bottom, left, right]. Default 0.
   */
  readonly padding?: Padding;
  /** Where the result goes, e.g. a channel slice of a larger tensor; a new tensor by default. */
  readonly out?: Tensor;
}

/** Checks a pooling and works out its sizes. @throws InputError when they do not fit. */
function poolGeometry(op: string, x: Tensor, o: PoolOptions): kernels.PoolGeometry {
  wantMap(op, x, o.out);
  const fail = (what: string): never => {
    throw new InputError(`${op} of ${x}: ${what}`);
  };
  const kernel = pair(o.kernel);
  const stride = pair(o.stride ?? o.kernel);
  const padding = sides(o.padding ?? 0);
  const [top, bottom, left, right] = padding;
  const [n, channels, h, w] = x.shape;
  if (kernel.some((k) => !Number.isInteger(k) || k < 1)) fail(`the kernel must be at least 1, found ${kernel}`);
  if (stride.some((s) => !Number.isInteger(s) || s < 1)) fail(`the stride must be at least 1, found ${stride}`);
  if (padding.some((p, i) => !Number.isInteger(p) || p < 0 || 2 * p > kernel[i >> 1]))
    fail(`the padding must be 0 to half the kernel ${kernel.join('x')}, found ${padding}`);
  const oh = outputSize(h, kernel[0], stride[0], top, bottom);
  const ow = outputSize(w, kernel[1], stride[1], left, right);
  if (oh < 1 || ow < 1) fail(`the kernel ${kernel.join('x')} is larger than the padded image`);
  if (o.out && o.out.shape.join() !== [n, channels, oh, ow].join())
    fail(`out is ${o.out}, the result is ${[n, channels, oh, ow].join('x')}`);
  return { n, channels, h, w, oh, ow, window: { kernel, stride, padding: [top, left] } };
}

const resultOf = (x: Tensor, g: kernels.PoolGeometry, name: string): Tensor =>
  empty(x.device, [g.n, g.channels, g.oh, g.ow], { dtype: x.dtype, name });

/**
 * Max pooling, as PyTorch's max_pool2d (floor sizes, no dilation). x [N, C, H, W]; the result is [N, C, OH, OW] with
 * OH = floor((H + top + bottom - kernel) / stride) + 1. The first maximum of a window in row-major order gets all of the
 * gradient.
 * @throws InputError when sizes do not fit.
 * @example
 * await maxPool2d(tensor(device, [1, 2, 3, 4], [1, 1, 2, 2]), { kernel: 2 }).data(); // [4]
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  const g = poolGeometry('max_pool2d', x, options);
  const bytes = g.n * g.channels * g.oh * g.ow * 4;
  const indices = gradEnabled() && x.requiresGrad ? x.device.alloc(bytes, 'max_pool2d.indices') : null;
  return maximum(x, g, indices, options.out, indices ? [indices] : []);
}

/**
 * As `maxPool2d`; `indices` (u32, as y) is the place h * W + w of each maximum in its map, as PyTorch's.
 * @example
 * const { indices } = maxPool2dWithIndices(tensor(device, [1, 9, 3, 4], [1, 1, 2, 2]), { kernel: 2 });
 * await indices.data(); // [1]
 */
export function maxPool2dWithIndices(x: Tensor, options: PoolOptions): { y: Tensor; indices: Tensor } {
  const g = poolGeometry('max_pool2d', x, options);
  const indices = empty(x.device, [g.n, g.channels, g.oh, g.ow], { dtype: 'u32', name: 'max_pool2d.indices' });
  return { y: maximum(x, g, indices.storage, options.out), indices };
}

/** @param saved what nobody wants after backward */
function maximum(
  x: Tensor,
  g: kernels.PoolGeometry,
  indices: Storage | null,
  out?: Tensor,
  saved?: readonly Storage[],
): Tensor {
  const y = out ?? resultOf(x, g, 'max_pool2d');
  kernels.maxForward(x.device, g, matrixOf(x), matrixOf(y), indices);
  const back = (dy: Tensor | null): void => {
    const dx = dy && gradInto(x);
    if (dx && indices) kernels.maxBackward(x.device, g, matrixOf(dy), indices, matrixOf(dx.grad), dx.accumulate);
  };
  record('max_pool2d', [x], [y], back, saved);
  return y;
}

/**
 * Average pooling, as PyTorch's avg_pool2d: padding counts (count_include_pad), sizes are rounded down, so that rows and
 * columns which fill no window get no gradient. x [N, C, H, W]; sizes as in `maxPool2d`.
 * @throws InputError when sizes do not fit.
 * @example
 * await avgPool2d(tensor(device, [1, 2, 3, 4], [1, 1, 2, 2]), { kernel: 2 }).data(); // [2.5]
 */
export function avgPool2d(x: Tensor, options: PoolOptions): Tensor {
  return average('avg_pool2d', x, poolGeometry('avg_pool2d', x, options), options.out);
}

/**
 * Average pooling to a given size, one number or [H, W], as PyTorch's adaptive_avg_pool2d: output o averages the inputs
 * floor(o * in / size) to ceil((o + 1) * in / size) - 1 of each axis. x [N, C, H, W].
 * @throws InputError when x is no map or the size is not positive.
 * @example
 * await adaptiveAvgPool2d(tensor(device, [1, 2, 3, 4], [1, 1, 2, 2]), 1).data(); // [2.5]
 */
export function adaptiveAvgPool2d(x: Tensor, size: number | readonly [number, number]): Tensor {
  const op = 'adaptive_avg_pool2d';
  wantMap(op, x);
  const [oh, ow] = pair(size);
  if ([oh, ow].some((s) => !Number.isInteger(s) || s < 1))
    throw new InputError(`${op} of ${x}: the size must be at least 1, found ${oh}x${ow}`);
  const [n, channels, h, w] = x.shape;
  if (oh === 1 && ow === 1) return globalAverage(op, x);
  return average(op, x, { n, channels, h, w, oh, ow, window: 'adaptive' });
}

function average(op: string, x: Tensor, g: kernels.PoolGeometry, out?: Tensor): Tensor {
  const y = out ?? resultOf(x, g, op);
  kernels.avgForward(x.device, g, matrixOf(x), matrixOf(y));
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) kernels.avgBackward(x.device, g, matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}

/** One average a channel, f32, in partial sums: a window of thousands is too long for one sum. */
function globalAverage(op: string, x: Tensor): Tensor {
  const { device } = x;
  const [n, c, h, w] = x.shape;
  const pixels = h * w;
  const y = empty(device, [n, c, 1, 1], { name: op });
  reduce(device, {
    x,
    y,
    kept: [
      { size: n, strides: [pixels * x.stride, c] },
      { size: c, strides: [1, 1] },
    ],
    reduced: [{ size: pixels, strides: [x.stride] }],
    scale: 1 / pixels,
    accumulate: false,
  });
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (!dx) return;
    reduce(device, {
      x: dy,
      y: dx.grad,
      kept: [
        { size: n, strides: [dy.stride, pixels * x.stride] },
        { size: pixels, strides: [0, x.stride] },
        { size: c, strides: [1, 1] },
      ],
      scale: 1 / pixels,
      accumulate: dx.accumulate,
    });
  });
  return y;
}
