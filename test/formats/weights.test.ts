// A file's tensors as weights: what is taken, and what is refused with its place.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { entryOf, type FileTensor, keyOf, notFinite, stateOf } from '../../src/formats/weights';

test('the first number that is no finite float32 is found wherever it stands', () => {
  for (let length = 1; length <= 9; length++) {
    assert.is(notFinite({ shape: [length], data: new Float32Array(length) }), null);
    for (let at = 0; at < length; at++) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const data = new Float32Array(length).fill(2);
        data.fill(bad, at);
        assert.is(notFinite({ shape: [length], data }), `${bad} at [${at}]`, `${length}`);
        assert.is(notFinite({ shape: [length], data: Float64Array.from(data) }), `${bad} at [${at}]`, `${length}`);
        data.fill(3, at + 1);
        assert.is(notFinite({ shape: [length], data }), `${bad} at [${at}]`, `alone of ${length}`);
      }
    }
  }
  const large = Float64Array.of(0, 0, 0, 0, 0, 1e39);
  assert.is(notFinite({ shape: [2, 3, 1], data: large }), '1e+39 at [1, 2, 0]');
  assert.is(notFinite({ shape: [], data: Float32Array.of(Number.NaN) }), 'NaN');
  assert.is(notFinite({ shape: [1], data: BigInt64Array.of(7n) }), null);
});

test('floats are weights, one integer a counter; the rest is refused by name', () => {
  const entry = (dtype: string, shape: number[], data: FileTensor['data']) => entryOf({ dtype, shape, data }, 'w', 'x');
  assert.equal(entry('F32', [2], Float32Array.of(1, 2)), { shape: [2], data: Float32Array.of(1, 2) });
  assert.equal(entry('F64', [1], Float64Array.of(0.1)), { shape: [1], data: Float64Array.of(0.1) });
  for (const data of [BigInt64Array.of(7n), Int32Array.of(7), Uint8Array.of(7)])
    assert.equal(entry('I64', [], data), { shape: [], data: BigInt64Array.of(7n) });
  const cases: [string, number[], FileTensor['data'], string][] = [
    ['I32', [2], Int32Array.of(1, 2), 'x: w: expected floats (or one integer, a counter), found 2 of I32'],
    ['U8', [0], new Uint8Array(0), 'x: w: expected floats (or one integer, a counter), found 0 of U8'],
    [
      'F32',
      [2, 2],
      Float32Array.of(1, 2, 3, Number.NaN),
      'x: w: expected finite float32 numbers, found NaN at [1, 1]; did the training that wrote it diverge?',
    ],
  ];
  for (const [dtype, shape, data, message] of cases)
    assert.throws(
      () => entry(dtype, shape, data),
      (e: Error) => e instanceof InputError && e.message === message,
    );
});

test("an optimizer's state, averages and the loss scale are no weights", () => {
  const one: FileTensor = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
  const others = ['momentum.w', 'exp_avg.w', 'exp_avg_sq.w', 'step.w', 'ema.w', 'loss_scale'];
  const names = ['w', 'momentum_w', 'steps.w', 'a.ema.w', ...others];
  assert.equal([...stateOf(new Map(names.map((name) => [name, one])), 'x').keys()], names.slice(0, 4));
  assert.throws(
    () => stateOf(new Map([['w', { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) }]]), 'x'),
    /^x: w: expected floats/,
  );
  assert.equal(others.map(keyOf), ['momentum', 'exp_avg', 'exp_avg_sq', 'step', undefined, undefined]);
});

test.run();
