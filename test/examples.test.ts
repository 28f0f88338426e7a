// The examples run as they stand. (custom_op.ts: see docs/adding_an_op.test.ts.)
import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('examples/train_small_net.ts learns to tell stripes', () => {
  const out = execFileSync(process.execPath, ['scripts/run.mjs', 'examples/train_small_net.ts'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const losses = [...out.matchAll(/^step \d+: loss (\S+)$/gm)].map((m) => Number(m[1]));
  assert.is(losses.length, 4);
  // It starts at chance, log 3, and ends far below.
  assert.ok(Math.abs(losses[0] - Math.log(3)) < 0.1, out);
  assert.ok(losses[3] < 0.1, out);
  const [, right, all] = out.match(/^(\d+) of (\d+) unseen pictures told right$/m) ?? [];
  assert.ok(Number(all) === 60 && Number(right) >= 54, out);
  assert.match(out, /^conv2 +Conv2d 3x3, stride 2 +60x16x8x8 +1,168 /m);
});

test.run();
