// Ops of every element by itself.
import * as F from '../../../src/autograd';
import {
  anyFloats,
  argument,
  eachOf,
  either,
  F16,
  float32Only,
  floatsOnly,
  INFINITE,
  NAN,
  type Pair,
  PLAIN,
  slice,
  type Trial,
  t,
  U32,
} from './trials';

const { relu, leakyRelu, elu, exp, log, sqrt, square, neg, abs, sigmoid, relu6, gelu, swish, tanh } = F;

const UNARY = { relu, leakyRelu, elu, exp, log, sqrt, square, neg, abs, sigmoid, relu6, gelu, swish, tanh };

const arithmetic = (op: string, by: (a: F.Operand, b: F.Operand) => F.Tensor): Trial[] => {
  const a = t('a', [2, 3]);
  return [
    argument((b: F.Operand) => by(a, b), [2, t('b', [3]), t('b', [2, 1]), t('b', [1], F16)], [], String),
    argument((b: F.Tensor) => by(a, b), [], [t('b', [2, 3], U32), t('b', [3], U32)], floatsOnly(op)),
    argument((b: F.Tensor) => by(b, a), [t('b', [2, 3], PLAIN)], [t('b', [2, 3], U32)], floatsOnly(op)),
    argument(
      (b: F.Tensor) => by(a, b),
      [],
      [t('b', [2]), t('b', [2, 2])],
      (b) => `${op}: a[2x3] and ${b} do not fit: axis 1`,
    ),
    argument(
      (b: F.Tensor) => by(b, a),
      [],
      [t('b', [3, 3]), t('b', [4, 3, 1])],
      (b) => `${op}: ${b} and a[2x3] do not fit`,
    ),
    argument(
      (b: F.Tensor) => by(a, b),
      [t('b', [4, 5, 2, 3])],
      [t('b', [1, 1, 1, 2, 3])],
      (b) => `${op}: broadcasting takes shapes of at most 4 axes, found a[2x3] and ${b}`,
    ),
    argument(
      (b: F.Tensor) => by(b, a),
      [t('b', [4, 5, 2, 3])],
      [t('b', [1, 1, 1, 2, 3])],
      (b) => `${op}: broadcasting takes shapes of at most 4 axes, found ${b} and a[2x3]`,
    ),
    argument(
      (b: number) => by(1, b),
      [],
      [2],
      () => `${op}: expected at least one tensor, found two numbers`,
    ),
  ];
};

export const POINTWISE: Readonly<Record<string, readonly Trial[]>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, run]) => [op, [anyFloats(op, run)]])),
  add: arithmetic('add', F.add),
  sub: arithmetic('sub', F.sub),
  mul: arithmetic('mul', F.mul),
  div: arithmetic('div', F.div),
  float: [anyFloats('f32', F.float)],
  half: [anyFloats('f16', F.half)],
  dropout: [
    anyFloats('dropout', (x) => F.dropout(x, 0.5, { seed: 1, stream: 0, training: true })),
    ...[true, false].map((training) =>
      argument(
        (p: number) => F.dropout(t('x', [2]), p, { seed: 1, stream: 0, training }),
        [0, 0.5, 1],
        [-1e-9, 1.001, NAN, INFINITE],
        (p) => `dropout of x[2]: expected a probability, found ${p}`,
      ),
    ),
    argument(
      ([seed, stream]: Pair) => F.dropout(t('x', [2]), 0.5, { seed, stream, training: true }),
      eachOf([0, 0], -1, 2 ** 32),
      eachOf([0, 0], 0.5, NAN, INFINITE),
      ([seed, stream]) => `dropout of x[2]: seed and stream must be whole numbers, found ${seed} and ${stream}`,
    ),
  ],
  shortcut: [
    anyFloats('shortcut', (x) => F.shortcut(x, t('a', [1]), t('c', [1]))),
    ...either(
      (a) => F.shortcut(t('x', [2]), a, t('c', [1])),
      (c) => F.shortcut(t('x', [2]), t('a', [1]), c),
    ).map((run) => argument(run, [t('v', [1])], [t('v', [1], F16), t('v', [1], U32)], float32Only('shortcut'))),
    argument(
      (a: F.Tensor) => F.shortcut(t('x', [2]), a, t('c', [1])),
      [],
      [t('a', [2]), slice('a', [1, 1])],
      (a) => `shortcut: expected a and c of shape [1], found ${a} and c[1]`,
    ),
    argument(
      (c: F.Tensor) => F.shortcut(t('x', [2]), t('a', [1]), c),
      [],
      [t('c', [2]), slice('c', [1, 1])],
      (c) => `shortcut: expected a and c of shape [1], found a[1] and ${c}`,
    ),
  ],
};
