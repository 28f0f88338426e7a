// Pools, and what else walks over maps.
import * as F from '../../../src/autograd';
import {
  argument,
  device,
  eachOf,
  F16,
  map,
  NAN,
  NO_COUNTS,
  oneMore,
  type Pair,
  PLAIN,
  type Sides,
  slice,
  TAPS,
  type Trial,
  t,
  U32,
  x,
} from './trials';

/** The checks that pools with windows share. */
const windows = (op: string, run: (x: F.Tensor, options: F.PoolOptions) => unknown): Trial[] => {
  const set = (options: Partial<F.PoolOptions>) => run(x, { kernel: 2, ...options });
  const of = `${op} of x[1x4x5x6]:`;
  return [
    ...map(op, (x) => run(x, { kernel: 2 })),
    argument(
      (kernel: Pair) => set({ kernel }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (k) => `${of} the kernel must be at least 1, found ${k}`,
    ),
    argument(
      (stride: Pair) => set({ stride }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (s) => `${of} the stride must be at least 1, found ${s}`,
    ),
    argument(
      (padding: F.PoolOptions['padding']) => set({ padding }),
      [0, 1, [1, 0], [0, 1], ...eachOf([0, 0, 0, 0], 1)],
      eachOf([0, 0, 0, 0], -1, 0.5, 2, NAN),
      (p) => `${of} the padding must be 0 to half the kernel 2x2, found ${p}`,
    ),
    // Top and bottom go by the kernel's height, left and right by its width.
    argument(
      (padding: Sides) => set({ kernel: [3, 4], padding }),
      [[1, 1, 2, 2]],
      oneMore([1, 1, 2, 2]),
      (p) => `${of} the padding must be 0 to half the kernel 3x4, found ${p}`,
    ),
    argument(
      (kernel: Pair) => set({ kernel }),
      [[5, 6]],
      oneMore([5, 6]),
      (k) => `${of} the kernel ${k.join('x')} is larger than the padded image`,
    ),
    argument(
      (kernel: Pair) => set({ kernel, padding: [1, 0, 0, 2] }),
      [[6, 8]],
      oneMore([6, 8]),
      (k) => `${of} the kernel ${k.join('x')} is larger than the padded image`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [t('out', [1, 4, 2, 3]), slice('out', [1, 4, 2, 3])],
      [...oneMore([1, 4, 2, 3]), [4, 6]].map((shape) => t('out', shape)),
      (out) => `${of} out is ${out}, the result is 1x4x2x3`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 4, 2, 3], F16), t('out', [1, 4, 2, 3], U32)],
      (out) => `${op}: out is stored as ${out.dtype}, x as f32`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 4, 2, 3], PLAIN), t('out', [1, 4, 2, 3], TAPS)],
      (out) => `${op}: out ${out} must be in layout rows, found ${out.layout}`,
    ),
    argument(
      (out: F.Tensor) => set({ kernel: 1, out }),
      [t('out', [1, 4, 5, 6])],
      [x],
      (out) => `${op}: out ${out} is a part of the memory that x ${x} lies in`,
    ),
  ];
};

export const WINDOWS: Readonly<Record<string, readonly Trial[]>> = {
  maxPool2d: windows('max_pool2d', F.maxPool2d),
  maxPool2dWithIndices: windows('max_pool2d', F.maxPool2dWithIndices),
  avgPool2d: windows('avg_pool2d', F.avgPool2d),
  adaptiveAvgPool2d: [
    ...map('adaptive_avg_pool2d', (x) => F.adaptiveAvgPool2d(x, 1)),
    argument(
      (size: Pair) => F.adaptiveAvgPool2d(x, size),
      eachOf([1, 1], 1, 9),
      NO_COUNTS,
      (s) => `adaptive_avg_pool2d of x[1x4x5x6]: the size must be at least 1, found ${s.join('x')}`,
    ),
  ],
  resizeBilinear: [
    ...map('resize_bilinear', (x) => F.resizeBilinear(x, [2, 2])),
    argument(
      (size: Pair) => F.resizeBilinear(x, size),
      eachOf([1, 1], 1, 9),
      NO_COUNTS,
      ([h, w]) => `resize_bilinear of x[1x4x5x6]: the size must be at least 1, found ${h}x${w}`,
    ),
    // (1 + 1)(2^29 - 2 + 1) is below 2^30, and (1 + 1)(2^29 - 1 + 1) is not. A dry run takes no memory.
    argument(
      (size: Pair) => device.dryRun(() => F.resizeBilinear(t('x', [1, 1, 1, 1]), size)),
      eachOf([1, 1], 2 ** 29 - 2),
      eachOf([1, 1], 2 ** 29 - 1),
      ([h, w]) => `resize_bilinear of x[1x1x1x1]: a side times what it becomes must be below 2^30, found ${h}x${w}`,
    ),
  ],
};
