// Weights of convolutions turned for their data gradients: many in one launch where an optimizer holds them side by side, and then the same bits.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { device } from '../gpu';

const test = suite('turned');

const random = (name: string, shape: number[], layout?: 'taps'): F.Tensor => {
  const stream = randomStream(name, 1);
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => randomUniform(stream, i) - 0.5);
  return F.tensor(device, data, shape, { requiresGrad: true, name, ...(layout ? { layout } : {}) });
};

/** Chains of convolutions: one weight twice, one whose channels are no fours, taps, a norm in front. */
function prepare() {
  const x = random('x', [2, 8, 9, 7]);
  const weights = [
    random('a', [16, 8, 3, 3], 'taps'),
    random('b', [16, 16, 1, 1], 'taps'),
    random('c', [6, 16, 1, 1], 'taps'),
    random('d', [20, 6, 1, 1], 'taps'),
    random('e', [12, 20, 3, 1], 'taps'),
    random('f', [8, 12, 1, 1], 'taps'),
  ];
  const vector = (name: string): F.Tensor => random(name, [20]);
  const [runningMean, runningVar] = [F.zeros(device, [20]), F.zeros(device, [20])];
  const bn = { weight: vector('weight'), bias: vector('bias'), runningMean, runningVar };
  const [a, b, c, d, e, f] = weights;
  const run = (): void => {
    let y = F.conv2d(x, a, null, { padding: 1 });
    y = F.conv2d(F.conv2d(y, b, null), b, null);
    y = F.conv2d(F.conv2d(y, c, null), d, null);
    y = F.batchNormConv2d(y, bn, { training: true }, 'relu', e, null, {});
    F.backward(F.mean(F.square(F.conv2d(y, f, null))));
  };
  return { run, leaves: [x, ...weights, bn.weight, bn.bias], weights };
}

const count = (fn: () => void, op: string): number =>
  device.launchesOf(fn).filter(({ label }) => label.startsWith(`${op}:`)).length;

test('side by side in an optimizer: one launch, and every gradient the same to the bit', async () => {
  const alone = prepare();
  assert.is(count(alone.run, 'transpose'), 7);
  const together = prepare();
  const optimizer = new F.SGD(together.weights, { lr: 0.1 });
  optimizer.zeroGrad();
  const step = (): void => F.step(device, together.run);
  const launches = device.launchesOf(step);
  const named = (op: string): number => launches.filter(({ label }) => label.startsWith(`${op}:`)).length;
  assert.is(named('transpose_all'), 1);
  assert.is(named('transpose'), 2, 'those with 6 channels alone');
  const [want, found] = await Promise.all(
    [alone, together].map(({ leaves }) => F.readAll(leaves.map((t) => t.grad as F.Tensor))),
  );
  assert.ok(want.every((g) => g.some((v) => v !== 0)));
  assert.equal(found, want);
});

test('a weight that changes between two walks is turned anew, and a steady step writes no plan', async () => {
  const { run, weights, leaves } = prepare();
  const optimizer = new F.SGD(weights, { lr: 0.1 });
  const train = (): void => {
    optimizer.zeroGrad();
    for (const t of leaves) t.value.dropGrad();
    F.step(device, run);
    optimizer.step();
  };
  train();
  assert.is(device.launchesOf(train).filter(({ label }) => label.includes('transpose.plan')).length, 0);
  // The same weights, alone.
  const before = await Promise.all(weights.map((w) => w.data()));
  const fresh = prepare();
  for (const [i, w] of fresh.weights.entries()) w.write(before[i]);
  fresh.run();
  for (const t of leaves) t.value.dropGrad();
  F.step(device, run);
  const [want, found] = await Promise.all(
    [fresh.leaves, leaves].map((all) => F.readAll(all.map((t) => t.grad as F.Tensor))),
  );
  assert.equal(found, want);
});

test('a dry run leaves no trace of it', () => {
  const { run, weights } = prepare();
  new F.SGD(weights, { lr: 0.1 });
  const held = device.stats().live;
  const step = (): void => F.step(device, run);
  assert.is(device.dryRun(step), device.dryRun(step));
  assert.is(device.stats().live, held);
});

test.run();
