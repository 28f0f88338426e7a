import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bootstrap } from '../../src/train/measures/bootstrap';
import {
  accuracy,
  argmaxRows,
  ccc,
  classScores,
  computeMetrics,
  confusionMatrix,
  macroF1,
  pearson,
  rmse,
  signAgreement,
} from '../../src/train/measures/metrics';

// Doubles: what is computed here differs from the exact fractions by a few roundings.
const close = (got: number | null, want: number) => assert.ok(Math.abs(got! - want) < 1e-12, `${got} is not ${want}`);

const LABELS = [0, 0, 0, 1, 1, 2];
const PREDICTED = [0, 0, 1, 1, 0, 1];

test('the confusion matrix has true classes as rows', () => {
  assert.equal(confusionMatrix(LABELS, PREDICTED, 3), [
    [2, 1, 0],
    [1, 1, 0],
    [0, 1, 0],
  ]);
});

test('precision, recall and F1 by hand; a class that is never said scores 0', () => {
  const [a, b, c] = classScores(confusionMatrix(LABELS, PREDICTED, 3));
  close(a.precision, 2 / 3);
  close(a.recall, 2 / 3);
  close(a.f1, 2 / 3);
  close(b.precision, 1 / 3);
  close(b.recall, 1 / 2);
  close(b.f1, 2 / 5);
  assert.equal(c, { precision: 0, recall: 0, f1: 0, support: 1 });
});

test('accuracy and macro F1 by hand', () => {
  const confusion = confusionMatrix(LABELS, PREDICTED, 3);
  close(accuracy(confusion), 1 / 2);
  close(macroF1(confusion), (2 / 3 + 2 / 5) / 3);
});

test('macro F1 leaves out a class that nowhere occurs, and counts one that is only said', () => {
  const labels = [0, 0, 1];
  close(macroF1(confusionMatrix(labels, [0, 0, 1], 4)), 1);
  // F1: class 0 2/3, class 1 1, class 3 0; class 2 does not occur. scikit-learn 1.2: 0.5555555555555556
  close(macroF1(confusionMatrix(labels, [0, 3, 1], 4)), 5 / 9);
});

test('a class out of range and lists of unequal length are refused', () => {
  assert.throws(() => confusionMatrix([0, 3], [0, 0], 3), /sample 1: expected classes 0 to 2, found 3, 0/);
  assert.throws(() => confusionMatrix([0, 1], [0], 3), /as many predictions as labels \(2\), found 1/);
});

test('CCC divides the covariance by N and the variances by N - 1', () => {
  // means 2 and 3; cov 2/3 * 2, variances 1 and 4: 2 * (4/3) / (1 + 4 + 1)
  close(ccc([1, 2, 3], [1, 3, 5]), 8 / 3 / 6);
  close(ccc([1, 2, 3, 4], [1, 2, 3, 4]), 3 / 4);
  close(ccc([1, -1], [-1, 1]), -1 / 2);
});

test('CCC is 0 for a constant guess, is exact far from 0 and is NaN for one sample', () => {
  assert.is(ccc([1, 2, 3], [2, 2, 2]), 0);
  assert.ok(Math.abs(ccc([1e8 + 1, 1e8 + 2, 1e8 + 3], [1e8 + 1, 1e8 + 3, 1e8 + 5]) - 8 / 18) < 1e-7);
  assert.ok(Number.isNaN(ccc([0.5], [0.5])));
});

test('RMSE by hand', () => close(rmse([1, 2, 3], [1, 4, 2]), Math.sqrt(5 / 3)));

test('Pearson and sign agreement by hand', () => {
  close(pearson([1, 2, 3], [2, 4, 7]), 5 / Math.sqrt(2 * (38 / 3)));
  assert.ok(Number.isNaN(pearson([1, 2, 3], [2, 2, 2])));
  close(signAgreement([1, -1, 0, 0.5], [3, 1, 0, -1]), 0.5);
});

test('bootstrap: intervals hold the value, narrow as 1 / sqrt(n), and come out the same again', () => {
  const draw = (n: number) => {
    const labels = Array.from({ length: n }, (_, i) => i % 3);
    const predicted = labels.map((t, i) => (i % 4 === 0 ? (t + 1) % 3 : t));
    const truth = Array.from({ length: 2 * n }, (_, i) => Math.sin(i * 1.7));
    return {
      classes: ['A', 'B', 'C'],
      labels,
      predicted,
      va: { truth, predicted: truth.map((v, i) => v + Math.cos(3 * i)) },
    };
  };
  const [small, large] = [60, 960].map((n) => bootstrap(draw(n)));
  const width = ([low, high]: [number, number]) => high - low;
  for (const name of ['accuracy', 'macro_f1', 'ccc_valence', 'pearson_arousal', 'recall_B', 'challenge_va']) {
    const ratio = width(small[name]) / width(large[name]);
    assert.ok(
      ratio > 2.8 && ratio < 5.7,
      `${name}: 16 times the samples give a quarter of the width, found 1/${ratio}`,
    );
  }
  // Of 960 samples 75 % are right: 95 % of resamples lie within 1.96 sqrt(0.75 0.25 / 960) = 0.0274 of it.
  assert.ok(Math.abs(large.accuracy[0] - 0.7226) < 0.004 && Math.abs(large.accuracy[1] - 0.7774) < 0.004);
  assert.equal(bootstrap(draw(60)), small);
  assert.is(bootstrap({ ...draw(60), va: undefined }).ccc_valence, undefined);
});

test('argmax takes the first of equal values, skips NaN and further columns', () => {
  assert.equal([...argmaxRows([1, 3, 3, 2, 1, 2], 3)], [1, 0]);
  assert.equal([...argmaxRows([1, 2, 9, 5, 4, 9], 2, 3)], [1, 0]);
  assert.equal([...argmaxRows([Number.NaN, -2, -1], 3)], [2]);
});

test('all metrics together, with and without valence and arousal', () => {
  const classes = ['A', 'B', 'C'];
  const truth = [1, 0, 2, 0, 3, 0, 1, 1, 2, 1, 3, 1];
  const guess = [1, 1, 3, 1, 5, 1, 1, 0, 3, 0, 5, 0];
  const m = computeMetrics({ classes, labels: LABELS, predicted: PREDICTED, va: { truth, predicted: guess } });
  assert.is(m.samples, 6);
  close(m.accuracy, 0.5);
  assert.equal(m.classes, classes);
  assert.is(m.per_class.B.support, 2);
  close(m.ccc_valence, ccc([1, 2, 3, 1, 2, 3], [1, 3, 5, 1, 3, 5]));
  close(m.rmse_valence, Math.sqrt((0 + 1 + 4) / 3));
  close(m.rmse_arousal, 1);
  assert.ok(m.ccc_arousal! < 0);
  close(m.challenge_va!, (m.ccc_valence! + m.ccc_arousal!) / 2);
  close(m.challenge_expression, 0.67 * m.macro_f1 + 0.33 * 0.5);
  const plain = computeMetrics({ classes, labels: LABELS, predicted: PREDICTED });
  assert.is(plain.ccc_valence, null);
  assert.is(plain.rmse_arousal, null);
});

test.run();
