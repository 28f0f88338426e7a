// Images a second.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pace } from '../../src/train/loop/pace';

test('a pace is of what came since it was made, in the time since then', () => {
  let now = 1000;
  performance.now = () => now;
  try {
    const pace = new Pace(10);
    now = 3000;
    assert.is(pace.rate(30), 10);
    assert.is(pace.rate(10), 0);
  } finally {
    delete (performance as { now?: unknown }).now;
  }
});

test.run();
