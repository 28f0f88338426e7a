// What leads from one batch of a norm to the next.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Moment, planOf } from '../../src/kernels/batch_norm/follow';

test('a plan begins with the first batch of each vector; each batch leads to the next of its vector, the last to none', () => {
  const moment = (at: number, source: number): Moment => ({ at, channels: 4, source, momentum: 0.5 });
  const vectors = [[moment(0, 10)], [moment(8, 20), moment(8, 21), moment(8, 22)], [moment(16, 30), moment(16, 31)]];
  const words = planOf(vectors);
  const half = new Uint32Array(Float32Array.of(0.5).buffer)[0];
  const entry = (at: number, source: number, next: number): number[] => [at, 4, source, next, half];
  assert.equal(
    [...words],
    [entry(0, 10, 0), entry(8, 20, 3), entry(16, 30, 5), entry(8, 21, 4), entry(8, 22, 0), entry(16, 31, 0)].flat(),
  );
});

test.run();
