// What is made of a loss under a rising learning rate: where it falls steepest, and where it has diverged.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import { findRate, RISE } from '../../src/train/loop/lr_find';
import { hasDiverged, rateRange } from '../../src/train/measures/rate_range';
import { drawRateRange } from '../../src/train/reports/charts/rate_range';

const stream = randomStream('rate range', 0);
const rateOf = (i: number): number => 1e-7 * 1e7 ** (i / 99);

/** A loss that falls by 1 around `at`, steepest there, and rises beyond `away`; noise of +-`noise`. */
const steps = (at: number, away: number, noise: number) =>
  Array.from({ length: 100 }, (_, i) => {
    const x = Math.log10(rateOf(i));
    const rise = Math.max(0, x - Math.log10(away)) ** 2 * 10;
    const loss = 3 - 1 / (1 + Math.exp(-4 * (x - Math.log10(at)))) + rise;
    return { lr: rateOf(i), loss: loss + noise * (2 * randomUniform(stream, i) - 1) };
  });

test('the steepest place is found within a step where there is no noise, within a third of a decade where there is', () => {
  for (const at of [1e-5, 1e-4, 3e-3]) {
    const { steepest, lowest } = rateRange(steps(at, 0.1, 0));
    assert.ok(Math.abs(Math.log10(Number(steepest) / at)) < 0.08, `${steepest}, not ${at}`);
    assert.ok(Number(lowest) > at && Number(lowest) < 0.3, `${lowest}`);
    const noisy = rateRange(steps(at, 0.1, 0.2));
    assert.ok(Math.abs(Math.log10(Number(noisy.steepest) / at)) < 0.34, `${noisy.steepest}, not ${at}`);
  }
});

test('a fall after the lowest loss is no descent, and a loss that only rises suggests nothing', () => {
  // It jumps up at the 80th step, and comes back in one.
  const jumps = steps(1e-4, 10, 0).map((s, i) => (i > 75 && i < 82 ? { ...s, loss: 50 } : s));
  assert.ok(Math.abs(Math.log10(Number(rateRange(jumps).steepest) / 1e-4)) < 0.08);
  const rising = rateRange(Array.from({ length: 50 }, (_, i) => ({ lr: rateOf(i), loss: 1 + i / 100 })));
  assert.equal([rising.steepest, rising.lowest], [null, null]);
  for (const n of [1, 2]) assert.is(rateRange(steps(1e-4, 1, 0).slice(0, n)).steepest, null, `${n} steps`);
});

test('a loss of four times the lowest, in the mean of the last, has diverged; one outlier has not', () => {
  const calm = new Array(20).fill(2);
  assert.not(hasDiverged(calm));
  assert.not(hasDiverged([...calm, 30]));
  assert.ok(hasDiverged([...calm, ...new Array(8).fill(30)]));
  assert.not(hasDiverged([5]));
});

/** What `findRate` needs of a learner: losses by the rate, two batches an epoch. */
function trained(lossOf: (rate: number) => number, each = 1) {
  const seen: { lr: number[]; place: number; size: number; epoch: number }[] = [];
  const optimizer = {
    groups: [
      { lr: 0, initialLr: 0.01 },
      { lr: 0, initialLr: 0.001 },
    ],
  };
  let epoch = -1;
  const loader = {
    async *epoch(n: number) {
      epoch = n;
      yield* [0, 1];
    },
  };
  const learner = {
    train: async (_: unknown, __: unknown, group: { place: number; size: number }) => {
      const [{ lr }, other] = optimizer.groups;
      seen.push({ lr: [lr, other.lr], ...group, epoch });
      return { loss: lossOf(lr), refused: false };
    },
  };
  const args = { lr: 0.01, grad_accum_steps: each };
  const run = () => findRate(loader as never, learner as never, { optimizer } as never, args, () => {});
  return { run, seen };
}

test('100 steps from 1e-7 to 1 by one factor, backbone along, round and round a small set', async () => {
  const { run, seen } = trained(() => 1);
  const found = await run();
  assert.is(found.length, RISE.steps);
  assert.ok(Math.abs(found[0].lr - 1e-7) < 1e-20 && Math.abs(found[99].lr - 1) < 1e-12);
  const factors = found.slice(1).map(({ lr }, i) => lr / found[i].lr);
  assert.ok(Math.max(...factors) - Math.min(...factors) < 1e-12);
  for (const { lr } of seen) assert.ok(Math.abs(lr[0] / lr[1] - 10) < 1e-9);
  assert.equal(
    seen.map(({ epoch }) => epoch),
    Array.from({ length: 100 }, (_, i) => Math.floor(i / 2)),
  );
});

test('with --grad_accum_steps a step is of so many batches, its loss their mean', async () => {
  let n = 0;
  const { run, seen } = trained(() => n++ % 3, 3);
  const found = await run();
  assert.is(found.length, 100);
  assert.is(seen.length, 300);
  for (const { loss } of found) assert.is(loss, 1);
  assert.equal(
    seen.slice(0, 4).map(({ place, size }) => [place, size]),
    [
      [0, 3],
      [1, 3],
      [2, 3],
      [0, 3],
    ],
  );
});

test('it ends where the loss diverges, or is no number; never finite is an error', async () => {
  const far = await trained((rate) => (rate > 1e-2 ? 100 : 1)).run();
  assert.ok(far.length < 85 && far.length > 70, `${far.length}`);
  const nan = await trained((rate) => (rate > 1e-4 ? Number.NaN : 1)).run();
  assert.ok(nan.every(({ lr, loss }) => lr <= 1e-4 && loss === 1) && nan.length === 43, `${nan.length}`);
  await trained(() => Number.NaN)
    .run()
    .then(
      () => assert.unreachable(),
      (error) => assert.match(error.message, /the first step, with a rate of 1e-7, is not finite/),
    );
});

test('the picture marks the steepest place', async () => {
  const range = rateRange(steps(1e-3, 0.01, 0));
  const [marked, plain] = [await drawRateRange(range), await drawRateRange({ ...range, steepest: null })];
  // ORANGE is the mark's alone.
  assert.match(marked.svg, /#d4622a/i);
  assert.not.match(plain.svg, /#d4622a/i);
});

test('it is drawn, of one step too, and of one that falls nowhere', async () => {
  for (const of of [steps(1e-3, 0.01, 0.1), steps(1e-3, 0.01, 0).slice(0, 1)])
    assert.match((await drawRateRange(rateRange(of))).svg, /^<svg[\s\S]*<\/svg>$/);
});

test.run();
