// What is said of ranks that fail.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { distinct, type Failure } from '../../src/ranks/messages';

const failure = (rank: number, message: string): Failure => ({
  ...{ rank, host: `gpu${rank}`, message },
  ...{ exitCode: 2, told: false },
});

test('what all say is said once; what some do, with the name and host of the first, unless that is rank 0', () => {
  const all = [0, 1, 2].map((rank) => failure(rank, 'no such file'));
  assert.equal(distinct(all), ['no such file']);
  assert.equal(distinct(all.slice(1)), ['no such file']);
  assert.equal(distinct([failure(0, 'no such file')]), ['no such file']);
  assert.equal(distinct([failure(2, 'no such file')]), ['rank 2 (gpu2): no such file']);
  assert.equal(distinct([failure(0, 'a'), failure(1, 'a'), failure(2, 'b')]), ['a', 'rank 2 (gpu2): b']);
  assert.equal(distinct([failure(0, 'a'), failure(1, 'b'), failure(2, 'b'), failure(3, 'c')]), [
    'a',
    'rank 1 (gpu1): b',
    'rank 3 (gpu3): c',
  ]);
});

test.run();
