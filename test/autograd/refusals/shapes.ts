// Ops that move elements, and sums over axes.
import * as F from '../../../src/autograd';
import {
  anyFloats,
  argument,
  eachOf,
  either,
  F16,
  floatsOnly,
  INFINITE,
  NAN,
  type Pair,
  PLAIN,
  slice,
  TAPS,
  type Trial,
  t,
  U32,
  x,
} from './trials';

const axes = (op: string, run: (x: F.Tensor, options: F.ReduceOptions) => unknown): Trial[] => [
  anyFloats(op, (x) => run(x, {})),
  argument(
    (x: F.Tensor) => run(x, {}),
    [t('x', [1, 2, 3, 4])],
    [t('x', [1, 1, 2, 3, 4])],
    (x) => `${op}: expected at most 4 axes, found ${x}`,
  ),
  argument(
    (axis: number) => run(t('x', [2, 3]), { axes: [axis] }),
    [-2, -1, 0, 1],
    [-3, 2, 0.5, -0.5, NAN, INFINITE],
    (axis) => `${op}: x[2x3] has no axis ${axis}`,
  ),
  argument(
    (axis: number) => run(t('x', [2, 3]), { axes: [0, axis] }),
    [0, 1],
    [2],
    () => `${op}: x[2x3] has no axis 2`,
  ),
];

export const SHAPES: Readonly<Record<string, readonly Trial[]>> = {
  sliceChannels: [
    argument(
      (x: F.Tensor) => F.sliceChannels(x, 0, 2),
      [t('x', [2, 4]), t('x', [1, 4, 2, 2]), t('x', [2, 4], U32)],
      [t('x', [4]), t('x', [2, 4], PLAIN), t('x', [4, 4, 1, 1], TAPS)],
      (x) => `slice_channels: expected [N, C] or [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
    ),
    argument(
      ([from, to]: Pair) => F.sliceChannels(t('x', [2, 4]), from, to),
      [
        [0, 4],
        [0, 1],
        [3, 4],
      ],
      [
        [-1, 2],
        [0, 5],
        [2, 2],
        [3, 2],
        [0.5, 2],
        [0, 1.5],
        [NAN, 2],
        [0, NAN],
      ],
      ([from, to]) => `slice_channels: x[2x4] has channels 0 to 3, asked for ${from} to ${to - 1}`,
    ),
  ],
  concat: [
    argument(
      (xs: readonly F.Tensor[]) => F.concat(xs),
      [[t('x', [2, 4])]],
      [[]],
      () => 'concat: expected at least one tensor',
    ),
    argument(
      (y: F.Tensor) => F.concat([t('x', [2, 4]), y]),
      [t('y', [2, 1]), t('y', [2, 4], F16)],
      [t('y', [3, 4]), t('y', [2, 4, 1, 1])],
      (y) => `concat: x[2x4] and ${y} differ in more than their channels`,
    ),
    argument(
      (y: F.Tensor) => F.concat([x, y]),
      [t('y', [1, 1, 5, 6])],
      [t('y', [2, 4, 5, 6]), t('y', [1, 4, 4, 6]), t('y', [1, 4, 5, 5]), t('y', [1, 4])],
      (y) => `concat: x[1x4x5x6] and ${y} differ in more than their channels`,
    ),
    ...either(
      (y) => F.concat([t('x', [2, 4]), y]),
      (y) => F.concat([y, t('x', [2, 4])]),
    ).flatMap((run) => [
      argument(
        run,
        [],
        [t('y', [8]), t('y', [2, 4], PLAIN)],
        (y) => `concat: expected [N, C] or [N, C, H, W] in layout rows, found ${y} in layout plain`,
      ),
      argument(run, [], [t('y', [2, 4], U32)], floatsOnly('concat')),
    ]),
  ],
  padChannels: [
    argument(
      (x: F.Tensor) => F.padChannels(x, 1, 1),
      [t('x', [2, 4]), t('x', [1, 4, 2, 2], F16)],
      [t('x', [4]), t('x', [2, 4], PLAIN), t('x', [4, 4, 1, 1], TAPS)],
      (x) => `pad_channels: expected [N, C] or [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
    ),
    argument((x: F.Tensor) => F.padChannels(x, 1, 1), [], [t('x', [2, 4], U32)], floatsOnly('pad_channels')),
    argument(
      ([before, after]: Pair) => F.padChannels(t('x', [2, 4]), before, after),
      eachOf([0, 0], 0, 1),
      eachOf([0, 0], -1, 0.5, NAN),
      ([before, after]) => `pad_channels of x[2x4]: cannot add ${before} channels in front and ${after} behind`,
    ),
  ],
  sum: axes('sum', F.sum),
  mean: axes('mean', F.mean),
  reshape: [
    argument(
      (shape: readonly number[]) => F.reshape(t('x', [2, 6]), shape),
      [[12], [3, 4], [1, 2, 6], [2, 3, 2, 1]],
      [[11], [13], [2, 5], [-2, -6], [-1, 12], [0], [1.5, 8], [12, 0.5, 2], [NAN], []],
      (shape) => `reshape: x[2x6] has 12 elements, they cannot fill ${shape.join('x')}`,
    ),
    argument(
      (x: F.Tensor) => F.reshape(x, [2, 2, 3]),
      [t('x', [1, 3, 2, 2]), t('x', [12], U32)],
      [t('x', [1, 3, 2, 2], U32)],
      floatsOnly('reshape'),
    ),
  ],
  flatten: [
    argument(
      (axis: number) => F.flatten(t('x', [2, 3, 4, 4]), axis),
      [0, 1, 2, 3],
      [-1, 4, 0.5, NAN],
      (axis) => `flatten: x[2x3x4x4] has no axis ${axis}`,
    ),
  ],
  transpose: [
    argument(
      (x: F.Tensor) => F.transpose(x),
      [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], PLAIN)],
      [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1])],
      (x) => `transpose: expected a matrix, found ${x}`,
    ),
    argument((x: F.Tensor) => F.transpose(x), [t('x', [2, 3], F16)], [t('x', [2, 3], U32)], floatsOnly('transpose')),
  ],
};
