// Batch norms.
import * as F from '../../../src/autograd';
import {
  argument,
  EVALUATION,
  F16,
  float32Only,
  floatsOnly,
  NAN,
  NORM,
  norm,
  PLAIN,
  slice,
  TAPS,
  TRAINING,
  type Trial,
  t,
  U32,
  x,
} from './trials';

/** The checks that all norms share. */
export const normalisation = (
  run: (x: F.Tensor, bn: F.BatchNormTensors, options: F.BatchNormOptions) => unknown,
): Trial[] =>
  [EVALUATION, TRAINING].flatMap((mode) =>
    NORM.flatMap((name) => [
      argument(
        (v: F.Tensor) => run(x, norm(4, { [name]: v }), mode),
        [t('v', [4])],
        [t('v', [4], F16), t('v', [4], U32)],
        float32Only('batch_norm'),
      ),
      argument(
        (v: F.Tensor) => run(x, norm(4, { [name]: v }), mode),
        [],
        [t('v', [3]), t('v', [5]), t('v', [1]), t('v', [1, 4]), slice('v', [1, 4])],
        (v) => `batch_norm: x[1x4x5x6] has 4 channels: expected [4], found ${v}`,
      ),
    ]).concat(
      argument(
        (batchesTracked: F.Tensor) => run(x, norm(4, { batchesTracked }), mode),
        [t('n', [1])],
        [t('n', [1], F16), t('n', [1], U32)],
        float32Only('batch_norm'),
      ),
      argument(
        (batchesTracked: F.Tensor) => run(x, norm(4, { batchesTracked }), mode),
        [],
        [t('n', [2]), slice('n', [1, 1])],
        (n) => `batch_norm: batches are counted in [1], found ${n}`,
      ),
      argument(
        (momentum: number) => run(x, norm(4), { ...mode, momentum }),
        [0, 0.1, 1],
        [-1e-9, 1.001, NAN],
        (momentum) => `batch_norm: momentum must be from 0 to 1, found ${momentum}`,
      ),
      argument(
        (eps: number) => run(x, norm(4), { ...mode, eps }),
        [0, 1e-5],
        [-1e-9, NAN],
        (eps) => `batch_norm: eps must be 0 or more, found ${eps}`,
      ),
    ),
  );

export const NORMS: Readonly<Record<string, readonly Trial[]>> = {
  batchNorm: [
    ...normalisation((x, bn, options) => F.batchNorm(x, bn, options)),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), TRAINING),
      [x, t('x', [2, 4]), slice('x', [2, 4])],
      [t('x', [4]), t('x', [1, 4, 2]), t('x', [2, 4], PLAIN), t('x', [1, 4, 2, 2], TAPS)],
      (x) => `batch_norm: ${x} must be in layout rows, found ${x.layout}`,
    ),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), EVALUATION),
      [t('x', [1, 4], F16)],
      [t('x', [2, 4], U32)],
      floatsOnly('batch_norm'),
    ),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), TRAINING),
      [t('x', [2, 4]), t('x', [1, 4, 2, 1]), t('x', [1, 4, 1, 2])],
      [t('x', [1, 4]), t('x', [1, 4, 1, 1])],
      (x) => `batch_norm: expected more than 1 value per channel when training, found ${x}`,
    ),
    argument((x: F.Tensor) => F.batchNorm(x, norm(4), EVALUATION), [t('x', [1, 4]), t('x', [1, 4, 1, 1])], [], String),
  ],
  batchNormAvgPool2d: [
    ...normalisation((x, bn, options) => F.batchNormAvgPool2d(x, bn, options, 'relu')),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [t('x', [1, 4, 2, 2]), t('x', [1, 4, 2, 2], F16)],
      [t('x', [1, 4, 1, 2]), t('x', [1, 4, 2, 1]), t('x', [2, 4]), t('x', [4, 2, 2])],
      (x) => `batch_norm_avg_pool2d: expected [N, C, H, W] of at least 2x2 pixels, found ${x}`,
    ),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [],
      [t('x', [1, 4, 2, 2], PLAIN)],
      (x) => `batch_norm: ${x} must be in layout rows, found plain`,
    ),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [],
      [t('x', [1, 4, 2, 2], U32)],
      floatsOnly('batch_norm'),
    ),
  ],
};
