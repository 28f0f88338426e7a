// npm run bench:mpi, in short, and its model.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LAUNCHERS } from '../../bench/mpi/launchers';
import { efficiency, fasterBatch, imagesPerSecond, roundSeconds, smallestBatch } from '../../bench/mpi/model';
import { given } from '../given';
import { bench, lines } from './program';

const test = suite('bench:mpi');

given(
  test,
  LAUNCHERS.length > 0,
  'MPI',
)('a row for each library, number of ranks and bytes', async () => {
  const flags = ['--ranks', '2,3', '--bytes', '100,10000', '--repeat', '2', '--json'];
  const { code, out, err } = await bench('bench:mpi', ...flags);
  assert.is(code, 0, err);
  const rows = lines(out);
  const wanted = LAUNCHERS.flatMap(({ name }) =>
    [2, 3].flatMap((ranks) => [100, 10000].map((bytes) => ({ mpi: name, ranks, bytes }))),
  );
  assert.equal(
    rows.map(({ mpi, ranks, bytes }) => ({ mpi, ranks, bytes })),
    wanted,
  );
  for (const { ms, least_ms } of rows as Record<string, number>[]) assert.ok(least_ms > 0 && least_ms <= ms);
});

/** Round numbers: a round is 2 (1 / 10 + 1 / 10) + 1 + exchange seconds. */
const PLACE = { devices: 2, bus: 10, copy: 10, add: 1, shared: 2, network: 0.5, latency: 0 };
const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-9, `${a}, expected ${b}`);

test('a round: what the device, the sum and the wires take', () => {
  assert.is(roundSeconds(1, 1, PLACE), 0);
  // Two slices of a half each way, through memory.
  near(roundSeconds(1, 2, PLACE), 1.4 + 2 * 0.5 * (1 / 2));
  // Of a quarter: one to the rank beside it, and of both ranks of a host two each to the other's.
  near(roundSeconds(1, 4, PLACE), 1.4 + 2 * 0.25 * (1 / 2 + (2 * 2) / 0.5));
  // A device a host: the network alone.
  near(roundSeconds(1, 4, { ...PLACE, devices: 1 }), 1.4 + 2 * 0.25 * (3 / 0.5));
  near(roundSeconds(0, 4, { ...PLACE, latency: 0.1 }), 0.6);
});

test('a throughput, and the batches from which it pays', () => {
  const work = { bytes: 1, fixed: 1, rate: 10 };
  // Steps of 2.9 s, rounds of 1.9 s more.
  near(efficiency(work, 19, 2, PLACE), 2.9 / 4.8);
  near(imagesPerSecond(work, 19, 2, PLACE), (2 * 19) / 4.8);
  // Half of what they give alone is what one gives: steps of 1.9 s. Four fifths: of 7.6 s.
  assert.is(fasterBatch(work, 2, PLACE), 9);
  assert.is(smallestBatch(work, 2, PLACE, 0.8), 66);
  assert.ok(efficiency(work, 66, 2, PLACE) > 0.8 - 1e-9 && efficiency(work, 65, 2, PLACE) < 0.8);
});

test('docs/scale.md has the tables of the model', async () => {
  const { code, out, err } = await bench('bench:mpi', 'model');
  assert.is(code, 0, err);
  const page = readFileSync('docs/scale.md', 'utf8');
  for (const line of out.trim().split('\n')) assert.ok(page.includes(line), `docs/scale.md has not: ${line}`);
});

test('what is no count or no number is wrong usage', async () => {
  for (const [args, said] of [
    [['--ranks', '2,some'], /--ranks: expected a whole number from 1, found some/],
    [['model', '--rate=-1'], /--rate: expected a number above 0, found -1/],
    [['models'], /expected model or nothing, found models/],
  ] as const) {
    const { code, err } = await bench('bench:mpi', ...args);
    assert.is(code, 2, err);
    assert.match(err, said);
  }
});

test.run();
