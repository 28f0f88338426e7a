// npm run bench:save, in short.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, lines } from './program';

const test = suite('bench:save');

test('what a checkpoint costs, and its share of a minute', async () => {
  const of = ['--network', 'bregnext', '--image_size', '32', '--steps', '2', '--blocks', '2', '--json'];
  const { out, err } = await bench('bench:save', ...of);
  const [found] = lines(out) as {
    work: string;
    step_ms: number;
    cost_ms: number;
    share_of_a_minute: number;
    bytes: number;
  }[];
  assert.is(found?.work, 'save bregnext 32 b8', err);
  assert.ok(found.step_ms > 0 && found.bytes > 2 ** 20);
  assert.is(found.share_of_a_minute, found.cost_ms / 60_000);
});

test('steps that are no number are wrong usage', async () => {
  const { code, err } = await bench('bench:save', '--steps', 'many');
  assert.is(code, 2);
  assert.match(err, /--steps: expected a whole number from 1, found many/);
});

test.run();
