// What a training minimises, and the softmax inside.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { device } from '../../gpu';
import { channels, margin, operand, small } from '../draws';
import { type Base, type Input, uniforms } from '../problem';
import { type Property, property } from '../property';
import { exactly, ULP } from '../reference/accuracy';
import type { Scalar } from '../reference/scalar';
import * as R from '../reference/scalar';

const LOGITS: Partial<Base> = { low: -6, high: 6 };
const logits = fc.record({ n: fc.constantFrom<number>(1, 2, 5, 70), classes: small(1, 9), margin });

/** log_softmax of a row. Its gradient is that of the shift by the largest, which it does not depend on. */
function logSoftmax(row: readonly Scalar[]): Scalar[] {
  const at = row.reduce((best, v, i) => (v.value > row[best].value ? i : best), 0);
  const largest = R.constant(row[at].value);
  const from = row.map((v) => R.subtract(v, largest));
  const others = from.filter((_, i) => i !== at).map((v) => R.exp(v, ULP.own));
  const logSum = R.log1p(others.length > 0 ? R.add(...others) : R.constant(0));
  const y = from.map((v) => R.subtract(v, logSum));
  // dy[j] / dx[k] = [j = k] - exp(y[k])
  const shares = y.map((v) => R.negative(R.exp(v, ULP.own)));
  return y.map((v, j) => new R.Scalar(v, [row[j], ...row], [exactly(1), ...shares]));
}

const rowsOf = (x: readonly Scalar[], width: number): Scalar[][] =>
  Array.from({ length: x.length / width }, (_, r) => x.slice(r * width, (r + 1) * width));

const crossEntropy = property(
  fc.record({ of: logits, weighted: fc.boolean(), smoothing: fc.constantFrom(0, 0.25), seed: fc.nat() }),
  ({ of: { n, classes, margin }, weighted, smoothing, seed }, dtype) => {
    const next = uniforms('labels', seed);
    const labels = Array.from({ length: n }, () => Math.floor(next() * classes));
    const inputs: Input[] = [operand([n, classes], dtype, margin, LOGITS)];
    if (weighted) inputs.push({ base: { shape: [classes], low: 0, fixed: true } });
    return {
      inputs,
      run: ([x, weight = null]) => [F.crossEntropy(x, F.labels(device, labels, classes), weight, smoothing)],
      reference: ([x, weight = labels.concat(Array(classes).fill(0)).map(() => R.constant(1))]) => {
        const share = R.constant(smoothing / classes);
        const addends = rowsOf(x, classes).map((row, r) => {
          const losses = logSoftmax(row).map((y, j) => R.multiply(weight[j], R.negative(y)));
          const own = R.multiply(R.constant(1 - smoothing), losses[labels[r]]);
          return smoothing > 0 ? R.add(own, R.multiply(share, R.add(...losses))) : own;
        });
        const sum = R.add(...labels.map((label) => weight[label]));
        return [[R.divide(R.add(...addends), sum.value === 0 ? R.constant(1) : sum)]];
      },
    };
  },
);

/** The coefficient of each column of two matrices, on differences to their first rows. */
function concordances(pred: readonly Scalar[], gold: readonly Scalar[], columns: number): Scalar[] {
  const n = pred.length / columns;
  const [count, less] = [R.constant(n), R.constant(n - 1)];
  return Array.from({ length: columns }, (_, k) => {
    const column = (of: readonly Scalar[]): Scalar[] => of.filter((_, i) => i % columns === k);
    const sides = [column(pred), column(gold)].map((values) => {
      const first = R.constant(values[0].value);
      const from = values.map((v) => R.subtract(v, first));
      const shift = R.divide(R.add(...from), count);
      return { first, shift, centred: from.map((v) => R.subtract(v, shift)) };
    });
    const [p, g] = sides;
    const squares = sides.flatMap(({ centred }) => centred.map((d) => R.multiply(d, d)));
    const covariance = R.divide(R.dot(p.centred, g.centred), count);
    const apart = R.add(R.subtract(p.first, g.first), R.subtract(p.shift, g.shift));
    const denominator = R.add(R.divide(R.add(...squares), less), R.multiply(apart, apart));
    return R.divide(R.multiply(R.constant(2), covariance), denominator);
  });
}

const FAR: Partial<Base> = { low: -16, high: 16 };

const concordance = (engine: typeof F.ccc, finish: (coefficients: readonly Scalar[]) => readonly Scalar[]): Property =>
  property(
    fc.record({ n: fc.constantFrom(3, 4, 9, 70), columns: small(1, 4), margins: fc.tuple(margin, margin) }),
    ({ n, columns, margins }, dtype) => ({
      inputs: margins.map((margin) => operand([n, columns], dtype, margin, FAR)),
      run: ([pred, gold]) => [engine(pred, gold)],
      reference: ([pred, gold]) => [finish(concordances(pred, gold, columns))],
    }),
  );

const pairs = fc.oneof(
  fc.record({ shape: fc.tuple(small(1, 5), channels), margins: fc.tuple(margin, margin) }),
  fc.record({ shape: fc.tuple(small(1, 3), channels, small(1, 4), small(1, 4)), margins: fc.tuple(margin, margin) }),
  fc.record({ shape: fc.tuple(fc.constantFrom(1, 3, 700)), margins: fc.constant([null, null] as const) }),
);

const mse = property(fc.record({ of: pairs, itself: fc.boolean() }), ({ of: { shape, margins }, itself }, dtype) => {
  const pred = operand(shape, dtype, margins[0]);
  return {
    inputs: [pred, itself ? pred : operand(shape, dtype, margins[1])],
    run: ([pred, target]) => [F.mse(pred, target)],
    reference: ([pred, target]) => {
      const squares = pred.map((p, i) => R.subtract(p, target[i])).map((d) => R.multiply(d, d));
      return [[R.divide(R.add(...squares), R.constant(squares.length))]];
    },
  };
});

export const LOSSES: Readonly<Record<string, Property>> = {
  logSoftmax: property(
    logits,
    ({ n, classes, margin }, dtype) => ({
      inputs: [operand([n, classes], dtype, margin, LOGITS)],
      run: ([x]) => [F.logSoftmax(x)],
      reference: ([x]) => [rowsOf(x, classes).flatMap(logSoftmax)],
    }),
    { examples: [{ n: 2, classes: 300, margin: null }] },
  ),
  crossEntropy,
  ccc: concordance(F.ccc, (c) => c),
  cccLoss: concordance(F.cccLoss, (c) => [R.subtract(R.constant(1), R.divide(R.add(...c), R.constant(c.length)))]),
  mse,
};
