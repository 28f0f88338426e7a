// Gradients that are sums in parts: added up many in one launch where an optimizer holds them side by side, before anybody sees them, and to
// the same bits as one by one.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { device } from '../gpu';

const test = suite('sums');

const random = (name: string, shape: number[], layout?: 'taps'): F.Tensor => {
  const stream = randomStream(name, 1);
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => randomUniform(stream, i) - 0.5);
  return F.tensor(device, data, shape, { requiresGrad: true, name, ...(layout ? { layout } : {}) });
};

/** Convolutions over 1,250 pixels, which are two parts and more on any adapter: one weight twice, one by no fours, one depthwise, biases. */
function prepare() {
  const x = random('x', [2, 8, 25, 25]);
  const [a, b, c, d] = [
    random('a', [8, 8, 3, 3], 'taps'),
    random('b', [8, 8, 1, 1], 'taps'),
    random('c', [6, 8, 1, 1], 'taps'),
    random('d', [8, 6, 1, 1], 'taps'),
  ];
  const [depthwise, bias] = [random('depthwise', [8, 1, 3, 3], 'taps'), random('bias', [8])];
  const forward = (): F.Tensor => {
    let y = F.conv2d(x, a, bias, { padding: 1 });
    y = F.conv2d(y, depthwise, null, { padding: 1, groups: 8 });
    y = F.conv2d(F.conv2d(y, b, null), b, bias);
    return F.mean(F.square(F.conv2d(F.conv2d(y, c, null), d, bias)));
  };
  const run = (): void => F.backward(forward());
  return { forward, run, b, leaves: [a, b, c, d, depthwise, bias] };
}

const gradients = (leaves: readonly F.Tensor[]): Promise<Float32Array[]> =>
  F.readAll(leaves.map((t) => t.grad as F.Tensor));

const named = (fn: () => void, op: string): number =>
  device.launchesOf(fn).filter(({ label }) => label.startsWith(op)).length;

/** A number whose backward is `fn`. */
function atBackward(fn: () => void): F.Tensor {
  const x = random('x', [1]);
  const y = F.noGrad(() => F.mul(x, 1));
  F.record('at backward', [x], [y], fn);
  return y;
}

test('a steady step creates nothing and writes no plan; a dry run, and a walk that fails, leave nothing behind', async () => {
  const { run, leaves, forward } = prepare();
  const optimizer = new F.SGD(leaves, { lr: 0.1 });
  const train = (): void => {
    optimizer.zeroGrad();
    F.step(device, run);
    optimizer.step();
  };
  train();
  train();
  await device.wait();
  const before = device.stats();
  const launches = device.launchesOf(train);
  assert.is(launches.filter(({ label }) => label.includes('sums.plan')).length, 0);
  await device.wait();
  const { live, buffers, bindGroups, pipelines } = device.stats();
  assert.equal(
    [live, buffers, bindGroups, pipelines],
    [before.live, before.buffers, before.bindGroups, before.pipelines],
  );
  assert.is(device.dryRun(train), device.dryRun(train));
  assert.is(device.stats().live, live);
  optimizer.zeroGrad();
  const failing = (): void =>
    F.step(device, () => {
      const early = atBackward(() => {
        throw new Error('no gradient');
      });
      F.backward(F.add(early, forward()));
    });
  assert.throws(failing, /no gradient/);
  assert.is(device.stats().live, live);
  const found = await gradients(leaves);
  optimizer.zeroGrad();
  F.step(device, run);
  assert.equal(found, await gradients(leaves), 'what had been computed by then');
});

test('side by side in an optimizer: few launches, and every gradient the same to the bit, also the second time', async () => {
  const [alone, together] = [prepare(), prepare()];
  const optimizer = new F.SGD(together.leaves, { lr: 0.1 });
  optimizer.zeroGrad();
  const step = (): void => F.step(device, together.run);
  // The bias and b come anew while they wait; in the first walk what is written does not wait with what is added to.
  for (const of of [
    [4, 2, 2, 1],
    [4, 4, 1],
  ]) {
    assert.is(named(alone.run, 'sum_parts:'), 9, 'each weight and bias, as often as it is used');
    const launches = device.launchesOf(step).filter(({ label }) => label.startsWith('sum_parts'));
    assert.equal(
      launches.map(({ label }) => label),
      of.map((sums) => `sum_parts_all:${sums}`),
    );
    const [want, found] = await Promise.all([alone, together].map(({ leaves }) => gradients(leaves)));
    assert.ok(want.every((g) => g.some((v) => v !== 0)));
    assert.equal(found, want);
  }
});

test('whoever reads or changes a gradient within the walk finds it added up', async () => {
  const [alone, together] = [prepare(), prepare()];
  alone.run();
  new F.SGD(together.leaves, { lr: 0.1 });
  const seen: Promise<Float32Array[]>[] = [];
  F.step(device, () => {
    // Recorded first, so its turn is the walk's last.
    const early = atBackward(() => seen.push(gradients(together.leaves)));
    F.backward(F.add(early, together.forward()));
  });
  assert.equal(await seen[0], await gradients(alone.leaves));
});

test.run();
