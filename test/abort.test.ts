import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { timeLimit } from '../src/base/abort';

test('a time limit is over in its time, one of weeks not at once', async () => {
  const start = performance.now();
  const [short, long, none] = [timeLimit(30), timeLimit(2 ** 31 + 20), timeLimit(0)];
  // They keep no program alive.
  const alive = setInterval(() => {}, 1000);
  await new Promise((done) => short.addEventListener('abort', done, { once: true }));
  clearInterval(alive);
  assert.ok(performance.now() - start > 28);
  assert.ok(none.aborted);
  await new Promise((done) => setTimeout(done, 50));
  assert.not(long.aborted);
});

test.run();
