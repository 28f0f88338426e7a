// Convolutions, alone and behind a norm.
import * as F from '../../../src/autograd';
import { normalisation } from './norms';
import {
  argument,
  EVALUATION,
  eachOf,
  F16,
  float32Only,
  floatsOnly,
  INFINITE,
  NAN,
  NO_COUNTS,
  norm,
  oneMore,
  type Pair,
  PLAIN,
  slice,
  TAPS,
  TRAINING,
  type Trial,
  t,
  U32,
  x,
} from './trials';

const w = t('w', [2, 4, 3, 3], TAPS);

/** The checks that all convolutions share. */
const convolution = (
  op: string,
  run: (x: F.Tensor, w: F.Tensor, b: F.Tensor | null, options: F.Conv2dOptions) => unknown,
): Trial[] => {
  const given = '; x is x[1x4x5x6], weight w[2x4x3x3]';
  const b = t('b', [2]);
  const set = (options: F.Conv2dOptions) => run(x, w, null, options);
  return [
    argument(
      (x: F.Tensor) => run(x, w, b, {}),
      [x, slice('x', [1, 4, 5, 6])],
      [t('x', [1, 4, 5, 6], U32)],
      floatsOnly('conv2d'),
    ),
    argument(
      (x: F.Tensor) => run(x, w, b, {}),
      [],
      [t('x', [1, 4, 5, 6], PLAIN), t('x', [1, 4, 5, 6], TAPS), t('x', [4, 5, 6]), t('x', [4, 5])],
      (x) => `conv2d: x must be [N, C, H, W] in layout rows; x is ${x}, weight w[2x4x3x3], bias b[2]`,
    ),
    argument(
      (w: F.Tensor) => run(x, w, b, {}),
      [w],
      [t('w', [2, 4, 3, 3], { ...TAPS, ...F16 }), t('w', [2, 4, 3, 3], { ...TAPS, ...U32 })],
      float32Only('conv2d'),
    ),
    argument(
      (w: F.Tensor) => run(x, w, null, {}),
      [w],
      [t('w', [2, 4, 3, 3]), t('w', [2, 4, 3, 3], PLAIN), t('w', [2, 4]), t('w', [2, 4, 3])],
      (w) => `conv2d: weight must be [O, C, KH, KW] in layout taps; x is x[1x4x5x6], weight ${w}`,
    ),
    argument(
      (c: number) => run(x, t('w', [2, c, 3, 3], TAPS), null, {}),
      [4],
      [3, 5],
      (c) => `conv2d: weight expects ${c} channels, x has 4`,
    ),
    argument(
      (c: number) => run(x, t('w', [2, c, 3, 3], TAPS), null, { groups: 2 }),
      [2],
      [1, 3, 4],
      (c) => `conv2d: weight expects ${2 * c} channels in 2 groups, x has 4`,
    ),
    argument(
      (groups: number) => run(x, t('w', [6, 4, 3, 3], TAPS), null, { groups }),
      [1],
      [3],
      (g) => `conv2d: ${g} groups must divide the channels, 4 in and 6 out`,
    ),
    argument(
      (groups: number) => run(x, t('w', [6, 1, 3, 3], TAPS), null, { groups }),
      [],
      [4],
      (g) => `conv2d: ${g} groups must divide the channels, 4 in and 6 out`,
    ),
    argument(
      (groups: number) => set({ groups }),
      [1],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (g) => `conv2d: groups must be at least 1, found ${g}${given}`,
    ),
    argument((b: F.Tensor) => run(x, w, b, {}), [b], [t('b', [2], F16), t('b', [2], U32)], float32Only('conv2d')),
    argument(
      (b: F.Tensor) => run(x, w, b, {}),
      [],
      [t('b', [1]), t('b', [3]), t('b', [2, 1]), t('b', [1, 2])],
      (b) => `conv2d: bias must be [2]${given}, bias ${b}`,
    ),
    argument(
      (stride: Pair) => set({ stride }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (s) => `conv2d: stride must be at least 1, found ${s}${given}`,
    ),
    argument(
      (dilation: Pair) => set({ dilation }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (d) => `conv2d: dilation must be at least 1, found ${d}${given}`,
    ),
    argument(
      (padding: F.Conv2dOptions['padding']) => set({ padding }),
      [0, 2, [1, 0], [0, 1], ...eachOf([0, 0, 0, 0], 1)],
      eachOf([0, 0, 0, 0], -1, 0.5, NAN, INFINITE),
      (p) => `conv2d: padding must not be negative, found ${p}${given}`,
    ),
    // 5x6 pixels.
    argument(
      ([kh, kw]: Pair) => run(x, t('w', [2, 4, kh, kw], TAPS), null, {}),
      [[5, 6]],
      oneMore([5, 6]),
      ([kh, kw]) => `conv2d: the kernel ${kh}x${kw} is larger than the padded image`,
    ),
    argument(
      ([kh, kw]: Pair) => run(x, t('w', [2, 4, kh, kw], TAPS), null, { padding: [1, 0, 0, 2] }),
      [[6, 8]],
      oneMore([6, 8]),
      ([kh, kw]) => `conv2d: the kernel ${kh}x${kw} is larger than the padded image`,
    ),
    argument(
      (dilation: Pair) => set({ dilation }),
      [[2, 2]],
      oneMore([2, 2]),
      (d) => `conv2d: the kernel ${d.map((d) => 2 * d + 1).join('x')} is larger than the padded image`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [t('out', [1, 2, 3, 4]), slice('out', [1, 2, 3, 4])],
      [...oneMore([1, 2, 3, 4]), [2, 12]].map((shape) => t('out', shape)),
      (out) => `conv2d: out is ${out}, the result is 1x2x3x4`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 2, 3, 4], F16), t('out', [1, 2, 3, 4], U32)],
      (out) => `conv2d: out is stored as ${out.dtype}, x as f32`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 2, 3, 4], PLAIN), t('out', [1, 2, 3, 4], TAPS)],
      (out) => `conv2d: out must be in layout rows, found ${out.layout}`,
    ),
    argument(
      (activation: 'relu') => set({ epilogue: { activation } }),
      [],
      ['relu'],
      () => 'conv2d: an epilogue has no gradient: use it under noGrad',
      'Error',
    ),
    argument(
      (c: number) => F.noGrad(() => set({ epilogue: { activation: 'relu', norm: norm(c) } })),
      [2],
      [1, 4],
      (c) => `batch_norm: ${op}[1x2x3x4] has 2 channels: expected [2], found weight[${c}]`,
    ),
  ];
};

export const CONVOLUTIONS: Readonly<Record<string, readonly Trial[]>> = {
  conv2d: convolution('conv2d', F.conv2d),
  batchNormConv2d: [
    ...convolution('batch_norm_conv2d', (x, w, b, o) =>
      F.batchNormConv2d(x, norm(x.shape[1]), EVALUATION, 'relu', w, b, o),
    ),
    ...normalisation((x, bn, options) => F.batchNormConv2d(x, bn, options, 'relu', w, null, {})),
    argument(
      (n: number) => F.batchNormConv2d(t('x', [n, 4, 1, 1]), norm(4), TRAINING, 'relu', w, null, { padding: 1 }),
      [2],
      [1],
      () => 'batch_norm: expected more than 1 value per channel when training, found x[1x4x1x1]',
    ),
  ],
};
