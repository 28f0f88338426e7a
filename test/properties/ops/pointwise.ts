// Element by element: a row an op, as the engine has it and by the functions of the reference.
import fc from 'fast-check';
import type { Tensor } from '../../../src/autograd';
import * as F from '../../../src/autograd';
import { at, channels, eachIndex, type Margin, margin, operand, small } from '../draws';
import { type Base, type Float, type Input, shapeOf } from '../problem';
import { type Property, property } from '../property';
import { type Bounded, over, times, within } from '../reference/accuracy';
import type { Scalar } from '../reference/scalar';
import * as R from '../reference/scalar';

const ZERO = R.constant(0);
const ONE = R.constant(1);
const magnitude = (x: Scalar): Scalar => R.choose(x, x, R.negative(x));

function sigmoid(x: Scalar): Scalar {
  const e = R.exp(R.negative(magnitude(x)));
  return R.divide(R.choose(x, ONE, e), R.add(ONE, e));
}

function tanh(x: Scalar): Scalar {
  const e = R.exp(R.multiply(R.constant(-2), magnitude(x)));
  const size = R.divide(R.subtract(ONE, e), R.add(ONE, e));
  return R.choose(x, size, R.negative(size));
}

/** The normal distribution's share below x. */
function normalShare(x: number): number {
  // erfc of x / sqrt 2 by its continued fraction where that converges fast, else erf by its series.
  const z = Math.abs(x) / Math.SQRT2;
  let tail: number;
  if (z > 2) {
    let f = 0;
    for (let k = 60; k > 0; k--) f = k / 2 / (z + f);
    tail = Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + f) / 2;
  } else {
    let [term, sum] = [z, z];
    for (let k = 1; k < 60; k++) {
      term *= (-z * z) / k;
      sum += term / (2 * k + 1);
    }
    tail = 0.5 - sum / Math.sqrt(Math.PI);
  }
  return x > 0 ? 1 - tail : tail;
}

/** Units of exp(-x^2 / 2), whose exponent is rounded twice, of a polynomial of ten terms and of the division. */
const bellUnits = (x: number): number => 3 + 2 * (x * x) + 12;

function gelu(x: Scalar): Scalar {
  const density = Math.exp((-x.value * x.value) / 2) / Math.sqrt(2 * Math.PI);
  return R.multiply(x, R.custom(x, normalShare(x.value), density, bellUnits(x.value)));
}

/** What a function is given and does to x; `k` is its number. */
interface Row {
  readonly engine: (x: Tensor, k: number) => Tensor;
  readonly reference: (x: Scalar, k: Scalar) => Scalar;
  readonly numbers?: Pick<Base, 'low' | 'high' | 'signed'>;
}

const POSITIVE = { low: 0.125, high: 8 };
const APART_FROM_0 = { low: 0.5, high: 4, signed: true };

export const UNARY: Readonly<Record<string, Row>> = {
  relu: { engine: F.relu, reference: (x) => R.choose(x, x, ZERO) },
  leakyRelu: { engine: F.leakyRelu, reference: (x, k) => R.choose(x, x, R.multiply(k, x)) },
  relu6: {
    engine: F.relu6,
    reference: (x) => R.choose(x, R.choose(R.subtract(R.constant(6), x), x, R.constant(6)), ZERO),
    numbers: { low: -4, high: 12 },
  },
  elu: {
    engine: F.elu,
    reference: (x, k) => R.choose(x, x, R.multiply(k, R.subtract(R.exp(R.choose(x, ZERO, x)), ONE))),
  },
  sigmoid: { engine: F.sigmoid, reference: sigmoid, numbers: { low: -12, high: 12 } },
  tanh: { engine: F.tanh, reference: tanh, numbers: { low: -6, high: 6 } },
  gelu: { engine: F.gelu, reference: gelu, numbers: { low: -6, high: 6 } },
  swish: { engine: F.swish, reference: (x) => R.multiply(x, sigmoid(x)), numbers: { low: -12, high: 12 } },
  exp: { engine: F.exp, reference: (x) => R.exp(x), numbers: { low: -8, high: 8 } },
  log: { engine: F.log, reference: R.log, numbers: POSITIVE },
  sqrt: { engine: F.sqrt, reference: R.sqrt, numbers: POSITIVE },
  square: { engine: F.square, reference: (x) => R.multiply(x, x) },
  neg: { engine: F.neg, reference: R.negative },
  abs: { engine: F.abs, reference: (x) => (x.value === 0 ? ZERO : magnitude(x)) },
};

/** With a number in the place of one operand. */
const WITH_NUMBER: Readonly<Record<string, readonly Row[]>> = {
  add: [
    { engine: (x, k) => F.add(x, k), reference: (x, k) => R.add(x, k) },
    { engine: (x, k) => F.add(k, x), reference: (x, k) => R.add(k, x) },
  ],
  sub: [
    { engine: (x, k) => F.sub(x, k), reference: R.subtract },
    { engine: (x, k) => F.sub(k, x), reference: (x, k) => R.subtract(k, x) },
  ],
  mul: [
    { engine: (x, k) => F.mul(x, k), reference: R.multiply },
    { engine: (x, k) => F.mul(k, x), reference: (x, k) => R.multiply(k, x) },
  ],
  div: [
    { engine: (x, k) => F.div(x, k), reference: R.divide },
    { engine: (x, k) => F.div(k, x), reference: (x, k) => R.divide(k, x), numbers: APART_FROM_0 },
  ],
};

const BINARY = {
  add: { engine: F.add, reference: (a: Scalar, b: Scalar) => R.add(a, b) },
  sub: { engine: F.sub, reference: R.subtract },
  mul: { engine: F.mul, reference: R.multiply },
  div: { engine: F.div, reference: R.divide },
} as const;

/** Shapes of any rank; those that lie in rows may be slices. */
const shaped: fc.Arbitrary<{ shape: readonly number[]; margin: Margin | null }> = fc.oneof(
  fc.record({ shape: fc.tuple(small(1, 5), channels), margin }),
  fc.record({ shape: fc.tuple(small(1, 3), channels, small(1, 3), small(1, 4)), margin }),
  fc.record({
    shape: fc.oneof(fc.tuple(small(1, 70)), fc.tuple(small(1, 3), small(1, 4), small(1, 5))),
    margin: fc.constant(null),
  }),
);
const numbers = fc.constantFrom(0.25, -0.5, 1.5);

/** Whose f16 is tried in short: one of those that take an exponential, one of the others. */
const HALVED = ['relu', 'elu', 'add'];

const unary = (row: Row, half: boolean): Property =>
  property(
    fc.record({ of: shaped, k: numbers }),
    ({ of: { shape, margin }, k }, dtype) => ({
      inputs: [operand(shape, dtype, margin, row.numbers)],
      run: ([x]) => [row.engine(x, k)],
      reference: ([x]) => [x.map((v) => row.reference(v, R.constant(k)))],
    }),
    { half },
  );

/** How the second operand's shape comes about, and of what it is a view. */
const RELATION = ['the same', 'another', 'repeated', 'overlapping', 'with a number'] as const;

function binary(name: keyof typeof BINARY): Property {
  const { engine, reference } = BINARY[name];
  const numbersOf = name === 'div' ? APART_FROM_0 : {};
  return property(
    fc.record({
      of: shaped,
      relation: fc.constantFrom(...RELATION),
      repeated: fc.nat(15),
      lead: fc.boolean(),
      swapped: fc.boolean(),
      mixed: fc.boolean(),
      k: numbers,
    }),
    ({ of: { shape, margin }, relation, repeated, lead, swapped, mixed, k }, dtype) => {
      const a = operand(shape, dtype, margin, numbersOf);
      if (relation === 'with a number') {
        const row = WITH_NUMBER[name][swapped ? 1 : 0];
        return {
          inputs: [operand(shape, dtype, margin, row.numbers)],
          run: ([x]) => [row.engine(x, k)],
          reference: ([x]) => [x.map((v) => row.reference(v, R.constant(k)))],
        };
      }
      const rows = shape.length % 2 === 0;
      const wide: Base = { shape: [shape[0], shape[1] + 3, ...shape.slice(2)], dtype, ...numbersOf };
      const ones = shape.map((n, d) => ((repeated >> d) & 1 ? 1 : n)).slice(lead ? 1 : 0);
      const other: Float = mixed ? 'f32' : dtype;
      const pairs: Readonly<Record<Exclude<typeof relation, 'with a number'>, readonly [Input, Input]>> = {
        'the same': [a, a],
        another: [a, { base: { shape, dtype: other, ...numbersOf } }],
        repeated: [a, { base: { shape: ones.length > 0 ? ones : [1], dtype: other, ...numbersOf } }],
        overlapping: rows
          ? [
              { base: wide, channels: [0, shape[1]] },
              { base: wide, channels: [3, shape[1] + 3] },
            ]
          : [a, a],
      };
      const inputs = swapped ? pairs[relation].toReversed() : pairs[relation];
      return {
        inputs,
        run: ([p, q]) => [engine(p, q)],
        reference: ([p, q]) => [broadcast(reference, p, shapeOf(inputs[0]), q, shapeOf(inputs[1]), shape)],
      };
    },
    { half: HALVED.includes(name) },
  );
}

function broadcast(
  f: (a: Scalar, b: Scalar) => Scalar,
  a: readonly Scalar[],
  aShape: readonly number[],
  b: readonly Scalar[],
  bShape: readonly number[],
  shape: readonly number[],
): Scalar[] {
  const out: Scalar[] = [];
  const within = (of: readonly number[], index: readonly number[]): number[] =>
    of.map((n, d) => (n === 1 ? 0 : index[d + index.length - of.length]));
  eachIndex(shape, (index) => out.push(f(at(a, aShape, within(aShape, index)), at(b, bShape, within(bShape, index)))));
  return out;
}

/** atan(a x / s) / (a s), s^2 = c^2 + 1, by its value and slopes. */
function shortcut(x: Scalar, a: Scalar, c: Scalar): Scalar {
  const square = c.value ** 2 + 1;
  const u = (a.value * x.value) / Math.sqrt(square);
  const [slope, value] = [1 / (1 + u * u), u === 0 ? 1 : Math.atan(u) / u].map((v) => within(v, 0, ARCTANGENT));
  const apart = { value: slope.value - value.value, error: slope.error + value.error };
  // What the gradient of a takes: of a small u by its series, else the quotient, where float32's difference cancels.
  const bend = Math.abs(u) < 0.25 ? within(series(u * u), 0, ARCTANGENT) : over(apart, within(u * u, 0, ARCTANGENT));
  const by = (factor: number, v: Bounded): Bounded => times(within(factor, 0, ARCTANGENT), v);
  const both = { value: slope.value + value.value, error: slope.error + value.error };
  return new R.Scalar(
    by(x.value / square, value),
    [x, a, c],
    [
      by(1 / square, slope),
      by((a.value * x.value ** 3) / square ** 2, bend),
      by((-c.value * x.value) / square ** 2, both),
    ],
  );
}
/** Units of each factor of the shortcut: a quotient or two, a polynomial of five terms, and the products that tie them. */
const ARCTANGENT = 12;
/** (1 / (1 + z) - atan(u) / u) / z, z = u^2 < 1/16: the sum of -(-z)^k (2 k + 2) / (2 k + 3). */
function series(z: number): number {
  let sum = 0;
  for (let k = 20; k >= 0; k--) sum = -(2 * k + 2) / (2 * k + 3) - z * sum;
  return sum;
}

export const POINTWISE: Readonly<Record<string, Property>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([name, row]) => [name, unary(row, HALVED.includes(name))])),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  shortcut: property(fc.record({ of: shaped }), ({ of: { shape, margin } }, dtype) => ({
    inputs: [operand(shape, dtype, margin), { base: { shape: [1] } }, { base: { shape: [1] } }],
    run: ([x, a, c]) => [F.shortcut(x, a, c)],
    reference: ([x, [a], [c]]) => [x.map((v) => shortcut(v, a, c))],
  })),
};
