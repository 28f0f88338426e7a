// Running statistics follow the batches: when, in which order, in how many launches, and what that leaves in memory.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  type BatchNormTensors,
  backward,
  batchNorm,
  crossEntropy,
  labels,
  mul,
  noGrad,
  SGD,
  step,
  sum,
  type Tensor,
  zeros,
} from '../../src/autograd';
import { BatchNorm2d, buildModel } from '../../src/models';
import { device } from '../gpu';
import { mockDevice } from '../mock_gpu';
import { random } from './helpers';

const test = suite('running statistics');

const batch = (i: number, channels = 5): Tensor =>
  random(`batch ${i}`, [4 + i, channels], { scale: 1 + i, offset: i, requiresGrad: false });

/** Two norms beside each other, as in a network, of other widths and momenta. */
function twoNorms(): { norms: readonly BatchNorm2d[]; forward: (i: number) => Tensor } {
  const norms = [5, 70].map((c) => new BatchNorm2d(device, c).initialise(1));
  const [a, b] = norms.map(({ tensors }) => tensors);
  const forward = (i: number): Tensor =>
    add(
      sum(mul(batchNorm(batch(i), a, { training: true }), batch(i))),
      sum(batchNorm(batch(i, 70), b, { training: true, momentum: 0.3 })),
    );
  return { norms, forward };
}

const numbers = async (norms: readonly { readonly tensors: BatchNormTensors }[]): Promise<number[][]> => {
  const all = norms.flatMap(({ tensors }) => [tensors.runningMean, tensors.runningVar]);
  return Promise.all(all.map(async (t) => Array.from(await t.data())));
};

const counts = (norms: readonly BatchNorm2d[]): Promise<number[]> =>
  Promise.all(norms.map(({ tensors }) => (tensors.batchesTracked as Tensor).item()));

test('batches that wait for one step are taken in one after the other, to the bit as if each were at once', async () => {
  const [waiting, atOnce] = [twoNorms(), twoNorms()];
  const optimizer = new SGD(
    waiting.norms.flatMap((n) => n.parameters()),
    { lr: 0 },
  );
  for (const i of [0, 1, 2])
    step(device, () => {
      backward(waiting.forward(i));
      if (i === 2) optimizer.step();
    });
  for (const i of [0, 1, 2]) {
    atOnce.forward(i);
    await numbers(atOnce.norms);
  }
  const found = await numbers(waiting.norms);
  assert.equal(found, await numbers(atOnce.norms));
  assert.ok(found.every((v, k) => v.every((x) => x !== k % 2)));
  assert.equal(await counts(waiting.norms), [3, 3]);
  assert.equal(await counts(atOnce.norms), [3, 3]);
});

test('reading, writing and evaluating see every batch before them', async () => {
  const x = batch(1);
  const [read, written, seen, apart] = [0, 1, 2, 3].map(() => new BatchNorm2d(device, 5).initialise(1));
  const detached = apart.tensors.runningMean.detach();
  for (const n of [read, written, seen, apart]) n.forward(x);
  const [mean, variance] = await numbers([read]);
  assert.equal(Array.from(await detached.data()), mean);
  // What was there before a write must not come after it.
  written.tensors.runningMean.write(new Float32Array(5).fill(7));
  assert.equal(await numbers([written]), [[7, 7, 7, 7, 7], variance]);
  const looked = await seen.eval().forward(x).data();
  const first = await read.eval().forward(x).data();
  assert.equal(looked, first);
  assert.ok(mean.every((m) => m !== 0));
});

test('a dry run takes nothing in and leaves nothing', async () => {
  const [one, other] = [0, 1].map(() => new BatchNorm2d(device, 5).initialise(1));
  for (const n of [one, other]) n.forward(batch(2));
  device.dryRun(() => {
    one.forward(batch(3));
    one.eval().forward(batch(3));
    one.train();
  });
  assert.equal(await numbers([one]), await numbers([other]));
  assert.equal(await counts([one, other]), [1, 1]);
});

test('statistics that are gone before they are taken in are left out', async () => {
  const norm = new BatchNorm2d(device, 5).initialise(1);
  step(device, () => {
    const short = { runningMean: zeros(device, [5]), runningVar: zeros(device, [5]) };
    batchNorm(batch(0), { ...norm.tensors, ...short }, { training: true });
  });
  norm.forward(batch(0));
  assert.ok((await numbers([norm]))[0].every((m) => m !== 0));
});

test('forwards that no optimizer follows keep a bounded number of batches, and lose none', async () => {
  const channels = 60000;
  const norm = new BatchNorm2d(device, channels);
  const x = random('x', [2, channels], { requiresGrad: false });
  const { live } = device.stats();
  // Momentum 1 / 128, exact in float32: after n batches of one mean, m (1 - (1 - 1 / 128)^n).
  const n = 200;
  for (let i = 0; i < n; i++)
    step(device, () => void noGrad(() => batchNorm(x, norm.tensors, { training: true, momentum: 1 / 128 })));
  assert.ok(device.stats().live - live <= 65 << 20, `${device.stats().live - live} bytes`);
  const [values, [[mean]]] = [await x.data(), await numbers([norm])];
  const expected = ((values[0] + values[channels]) / 2) * (1 - (1 - 1 / 128) ** n);
  assert.ok(Math.abs(mean - expected) <= 1e-5 * Math.abs(expected), `${mean}, expected ${expected}`);
  assert.equal(await counts([norm]), [n]);
});

test('one launch for all norms of a network, also for a group of batches; a steady step creates nothing', async () => {
  const { device, gpu } = await mockDevice();
  const net = buildModel(device, { network: 'bregnext', model: 'single_task', imageSize: 16 });
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const x = zeros(device, [2, 3, 16, 16]);
  const group = async (size: number): Promise<number> => {
    const before = gpu.launches.length;
    for (let i = 0; i < size; i++)
      step(device, () => {
        if (i === 0) optimizer.zeroGrad();
        backward(crossEntropy(net.forward(x).logits, labels(device, [1, 2], 7)));
        if (i === size - 1) optimizer.step();
      });
    await device.wait();
    return gpu.launches.slice(before).filter(({ label }) => /batch_norm\.follow/.test(label)).length;
  };
  for (const size of [1, 3]) {
    for (let warm = 0; warm < 3; warm++) assert.is(await group(size), 1);
    const { buffers, bindGroups, pipelines, uniformBytes, live } = device.stats();
    assert.is(await group(size), 1);
    const now = device.stats();
    assert.equal(
      [now.buffers, now.bindGroups, now.pipelines, now.uniformBytes, now.live],
      [buffers, bindGroups, pipelines, uniformBytes, live],
    );
  }
  assert.equal(gpu.errors, []);
  device.destroy();
});

test.run();
