// Losses.
import * as F from '../../../src/autograd';
import {
  argument,
  device,
  F16,
  float32Only,
  INFINITE,
  matrix,
  NAN,
  PLAIN,
  slice,
  type Trial,
  t,
  turnedFloat,
  U32,
} from './trials';

const concordance = (run: (pred: F.Tensor, gold: F.Tensor) => unknown): Trial[] => {
  const gold = t('gold', [2, 3]);
  return [
    ...matrix(
      (x) => run(x, gold),
      (x) => `ccc: pred must be [N, K]; pred is ${x}, gold gold[2x3]`,
    ),
    argument(
      (g: F.Tensor) => run(gold, g),
      [gold, slice('g', [2, 3])],
      [t('g', [3, 2]), t('g', [2, 2]), t('g', [6]), t('g', [2, 3], PLAIN)],
      (g) => `ccc: gold must have the shape of pred; pred is gold[2x3], gold ${g}`,
    ),
    argument(
      (n: number) => run(t('p', [n, 3]), t('g', [n, 3])),
      [2],
      [1],
      () => 'ccc: a batch of one sample has no variance, use two or more; pred is p[1x3], gold g[1x3]',
    ),
    turnedFloat((x) => run(x, gold)),
    turnedFloat((x) => run(gold, x)),
  ];
};

const labels = F.labels(device, [0, 1], 3);

const logits = t('x', [2, 3]);

export const LOSSES: Readonly<Record<string, readonly Trial[]>> = {
  labels: [
    argument(
      (label: number) => F.labels(device, [0, label], 3),
      [0, 2],
      [-1, 3, 0.5, NAN, INFINITE],
      (l) => `label 1: expected 0 to 2, found ${l}`,
    ),
    argument(
      (label: number) => F.labels(device, [label, 0], 3),
      [],
      [3],
      () => 'label 0: expected 0 to 2, found 3',
    ),
  ],
  logSoftmax: [...matrix(F.logSoftmax, (x) => `log_softmax: expected [N, C], found ${x}`), turnedFloat(F.logSoftmax)],
  crossEntropy: [
    ...matrix(
      (x) => F.crossEntropy(x, labels),
      (x) => `cross_entropy: logits must be [N, C]; logits are ${x}, labels labels[2]`,
    ),
    turnedFloat((x) => F.crossEntropy(x, labels)),
    argument(
      (l: F.Tensor) => F.crossEntropy(logits, l),
      [labels],
      [t('l', [2]), t('l', [2], F16), t('l', [1], U32), t('l', [3], U32), t('l', [2, 1], U32), t('l', [1, 2], U32)],
      (l) => `cross_entropy: expected 2 labels of u32; logits are x[2x3], labels ${l}`,
    ),
    argument(
      (weight: F.Tensor) => F.crossEntropy(logits, labels, weight),
      [t('w', [3])],
      [t('w', [2]), t('w', [4]), t('w', [1, 3]), t('w', [3, 1])],
      (weight) => `cross_entropy: weight must be [3], found ${weight}; logits are x[2x3]`,
    ),
    argument(
      (weight: F.Tensor) => F.crossEntropy(logits, labels, weight),
      [],
      [t('w', [3], F16), t('w', [3], U32)],
      float32Only('cross_entropy'),
    ),
    argument(
      (smoothing: number) => F.crossEntropy(logits, labels, null, smoothing),
      [0, 0.1, 1],
      [-1e-9, 1.001, NAN, INFINITE],
      (s) => `cross_entropy: label smoothing must be from 0 to 1, found ${s}`,
    ),
  ],
  ccc: concordance(F.ccc),
  cccLoss: concordance(F.cccLoss),
  mse: [
    argument(
      (y: F.Tensor) => F.mse(t('x', [2, 3]), y),
      [t('y', [2, 3]), slice('y', [2, 3])],
      [t('y', [3, 2]), t('y', [2, 3, 1, 1]), t('y', [6]), t('y', [2, 3], PLAIN)],
      (y) => `mse: expected two tensors of one shape and layout, found x[2x3] (rows) and ${y} (${y.layout})`,
    ),
    turnedFloat((x) => F.mse(x, t('y', [2, 3]))),
    turnedFloat((x) => F.mse(t('y', [2, 3]), x)),
  ],
};
