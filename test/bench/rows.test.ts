// npm run bench:rows, in short.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, lines } from './program';

const test = suite('bench:rows');

test('how a training starts, and what it takes', async () => {
  const { out, err } = await bench('bench:rows', '--rows', '100', '--json');
  const [found] = lines(out) as Record<string, number>[];
  assert.is(found?.rows, 100, err);
  for (const name of ['cold_s', 'warm_s', 'resumed_s', 'memory_mib', 'made_per_s', 'kept_per_s'])
    assert.ok(found[name] > 0, `${name} ${found[name]}`);
  // 100 faces of 32 x 32 x 3 bytes and what tells of them.
  assert.ok(found.kept_mb > 0.3 && found.kept_mb < 1, `${found.kept_mb} MB`);
});

test('rows that are no number are wrong usage', async () => {
  const { code, err } = await bench('bench:rows', '--rows', 'many');
  assert.is(code, 2);
  assert.match(err, /--rows expects whole numbers from 100, found many/);
});

test.run();
