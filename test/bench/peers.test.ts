// npm run bench:peers as far as it needs no other engine (those are downloads).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { variantsOf } from '../../src/kernels/variant';
import { device } from '../gpu';
import { bench, lines } from './program';

const test = suite('bench:peers');

test('--help tells what it compares and what its lines are', async () => {
  const { code, out } = await bench('bench:peers', '--help');
  assert.is(code, 0);
  for (const word of ['TensorFlow.js', 'jax-js', 'PyTorch', 'ours_ms', 'peer_ms', 'ratio']) assert.match(out, word);
});

test('a filter that fits nothing is wrong usage', async () => {
  const { code, err } = await bench('bench:peers', 'no such work');
  assert.is(code, 2, err);
  assert.match(err, /no work has "no such work"/);
});

test('our kernels beside the best dense ones: the same result, a ratio, and a target', async () => {
  const { out, err } = await bench('bench:peers', '1x1 512>128 @14 b4', '--json');
  const rows = lines(out);
  assert.is(rows.length, variantsOf(device).includes('subgroup') ? 4 : 3, err);
  for (const row of rows.slice(0, 3)) {
    if ('skipped' in row) continue;
    assert.equal(Object.keys(row), ['work', 'adapter', 'ours_ms', 'peer', 'peer_ms', 'ratio']);
    assert.ok(Math.abs((row.peer_ms as number) / (row.ours_ms as number) - (row.ratio as number)) < 1e-9);
  }
  const target = rows[3];
  if (target) assert.equal([typeof target.met, target.rows], ['boolean', 3]);
});

test.run();
