import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  backward,
  batchNorm,
  batchNormConv2d,
  clipGradNorm,
  conv2d,
  crossEntropy,
  flatten,
  labels,
  linear,
  maxPool2d,
  noGrad,
  readAll,
  relu,
  SGD,
  step,
  type Tensor,
  tanh,
  tensor,
} from '../../src/autograd';
import type { DeviceStats } from '../../src/device';
import { device } from '../gpu';
import { uniform } from '../hashinit';
import { collectGarbage, random } from './helpers';

const test = suite('memory');

/** A small network with something of everything, and one step of its training. */
function network(): { train: (s: number) => Tensor; params: Tensor[] } {
  const taps = (name: string, shape: number[]): Tensor => random(name, shape, { layout: 'taps', scale: 0.3 });
  const [w0, w1] = [taps('w0', [8, 3, 3, 3]), taps('w1', [8, 8, 1, 1])];
  const [weight, bias] = [random('weight', [5, 8 * 9], { scale: 0.1 }), random('bias', [5])];
  const norm = {
    weight: random('gamma', [8], { offset: 1, scale: 0 }),
    bias: random('beta', [8], { scale: 0 }),
    runningMean: random('mean', [8], { requiresGrad: false }),
    runningVar: random('var', [8], { offset: 1, scale: 0, requiresGrad: false }),
  };
  const params = [w0, w1, weight, bias, norm.weight, norm.bias];
  const optimizer = new SGD(params, { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 });
  const images = uniform('images', 4 * 3 * 49, 0);
  const train = (s: number): Tensor =>
    step(device, () => {
      optimizer.zeroGrad();
      optimizer.lr = 0.05 / (1 + s);
      const x = tensor(device, images, [4, 3, 7, 7]);
      const truth = labels(device, [s % 5, 1, 2, 3], 5);
      const h = batchNormConv2d(conv2d(x, w0, null, { padding: 1 }), norm, { training: true }, 'relu', w1, null, {});
      const pooled = maxPool2d(batchNorm(h, norm, { training: true }), { kernel: 3, stride: 2 });
      const loss = crossEntropy(linear(flatten(relu(pooled)), weight, bias), truth);
      backward(loss);
      clipGradNorm(params, 1);
      optimizer.step();
      return loss;
    });
  return { train, params };
}

const lasting = ({ live, held, buffers, bindGroups, pipelines, uniformBytes }: DeviceStats): Partial<DeviceStats> => ({
  live,
  held,
  buffers,
  bindGroups,
  pipelines,
  uniformBytes,
});

/** Waits until what earlier tests left has been collected, so that it does not come back in the middle of a count. */
async function quiet(): Promise<void> {
  let same = 0;
  for (let live = -1; same < 3; ) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = live === device.stats().live ? same + 1 : 0;
    live = device.stats().live;
  }
}

test('memory is flat over 1,000 steps, and a steady step creates nothing', async () => {
  const { train } = network();
  await quiet();
  const losses: number[] = [];
  let before: Partial<DeviceStats> = {};
  for (let s = 0; s < 1010; s++) {
    const loss = train(s);
    if (s % 100 === 0) losses.push(await loss.item());
    device.free(loss.storage);
    if (s === 9) before = lasting(device.stats());
  }
  await device.wait();
  assert.equal(lasting(device.stats()), before);
  assert.ok(losses.every(Number.isFinite));
});

test('a steady step asks WebGPU for nothing but commands, and waits for nothing', () => {
  const { train } = network();
  const free = (loss: Tensor): void => device.free(loss.storage);
  for (let s = 0; s < 5; s++) free(train(s));
  const asked: string[] = [];
  const gpu = device.gpu as unknown as Record<string, (...args: unknown[]) => unknown>;
  const proto = Object.getPrototypeOf(gpu);
  const makers = Object.getOwnPropertyNames(proto).filter(
    (n) => n.startsWith('create') && n !== 'createCommandEncoder',
  );
  assert.ok(makers.includes('createBuffer') && makers.includes('createQuerySet'));
  for (const name of makers)
    gpu[name] = (...args) => {
      asked.push(name);
      return proto[name].apply(gpu, args);
    };
  const mapAsync = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = function (...args) {
    asked.push('mapAsync');
    return mapAsync.apply(this, args);
  };
  try {
    for (let s = 5; s < 8; s++) free(train(s));
  } finally {
    for (const name of makers) delete gpu[name];
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  assert.equal(asked, []);
});

test('the same steps give the same bits', async () => {
  const run = async (): Promise<Float32Array[]> => {
    const { train, params } = network();
    for (let s = 0; s < 5; s++) train(s);
    return readAll(params);
  };
  assert.equal(await run(), await run());
});

test('nobody disposes: what nothing refers to comes back', async () => {
  await device.wait();
  const before = device.stats().live;
  const many = (): void => {
    for (let i = 0; i < 10; i++) tanh(random('x', [1000]));
  };
  many();
  assert.ok(device.stats().live > before);
  for (let i = 0; i < 10 && device.stats().live > before; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(device.stats().live <= before, `${device.stats().live} bytes, ${before} before`);
});

test('evaluation keeps no activations', () => {
  const x = random('x', [64, 1024]);
  step(device, () => {
    const before = device.stats().live;
    let y = x;
    for (let i = 0; i < 8; i++)
      y = device.scope(
        () => noGrad(() => tanh(tanh(y))),
        (t) => [t.storage],
      );
    // The results that were passed on stay until the step ends; what was between them, as much again, does not. A block that the
    // pool hands out may be half as large again as what was asked for.
    const kept = device.stats().live - before;
    assert.ok(kept >= 8 * x.size * 4 && kept <= 1.5 * 8 * x.size * 4, `${kept} bytes kept`);
  });
});

test('a dry run tells the peak of a real one and changes nothing', async () => {
  const x = random('x', [64, 64]);
  const w = random('w', [64, 64]);
  const work = (): void =>
    backward(crossEntropy(linear(tanh(linear(x, w, null)), w, null), labels(device, new Array(64).fill(3), 64)));
  step(device, work);
  const values = await w.data();
  for (const t of [x, w]) t.value.dropGrad();
  const [{ live }, { dispatches }] = [device.stats(), device.stats()];
  const told = device.dryRun(work);
  assert.is(device.stats().live, live);
  assert.is(device.stats().dispatches, dispatches);
  for (const t of [x, w]) t.value.dropGrad();
  device.pool.resetPeak();
  step(device, work);
  assert.is(device.stats().peak, told);
  assert.equal(await w.data(), values);
});

test('a budget that is spent stops the step with what it needed', () => {
  const { live } = device.stats();
  device.pool.budget = live;
  try {
    assert.throws(
      () => step(device, () => random('big', [30000, 1000])),
      /out of device memory: big:30000x1000 needs 114.4 MiB/,
    );
  } finally {
    device.pool.budget = Number.POSITIVE_INFINITY;
  }
});

test.run();
