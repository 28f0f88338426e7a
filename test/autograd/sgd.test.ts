import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  backward,
  clipGradNorm,
  conv2d,
  linear,
  mse,
  mul,
  SGD,
  sliceChannels,
  step,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { collectGarbage, near, optimizerGoldens, random, refuses } from './helpers';

const test = suite('sgd');

/** Makes `gradient` the gradient of p, through a graph. */
function give(p: Tensor, gradient: Float32Array | readonly number[]): void {
  backward(sum(mul(p, tensor(device, Float32Array.from(gradient), p.shape, { layout: p.layout }))));
}

optimizerGoldens(test, 'sgd');

test('packing keeps values, gradients and shapes, and a network learns with it', async () => {
  const x = random('x', [16, 3], { requiresGrad: false });
  const target = tanh(mul(x, 2));
  const [w1, b1, w2, b2] = [random('w1', [20, 3]), random('b1', [20]), random('w2', [3, 20]), random('b2', [3])];
  const params = [w1, b1, w2, b2];
  const loss = (): Tensor => mse(linear(tanh(linear(x, w1, b1)), w2, b2), target);
  backward(loss());
  const before = await Promise.all(params.flatMap((p) => [p.data(), (p.grad as Tensor).data()]));
  const optimizer = new SGD(params, { lr: 0.1, momentum: 0.9 });
  const after = await Promise.all(params.flatMap((p) => [p.data(), (p.grad as Tensor).data()]));
  assert.equal(after, before);
  const first = await loss().item();
  for (let s = 0; s < 60; s++)
    step(device, () => {
      optimizer.zeroGrad();
      backward(loss());
      optimizer.step();
    });
  const last = await loss().item();
  assert.ok(last < first / 20, `loss ${first} became ${last}`);
});

test('weights in layout taps: velocities are read and written in PyTorch order', async () => {
  const w = random('w', [2, 3, 1, 2], { layout: 'taps' });
  const start = await w.data();
  const optimizer = new SGD([w], { lr: 0.5, momentum: 0.9 });
  const velocity = Float32Array.from({ length: 12 }, (_, i) => i);
  assert.is(optimizer.state(w), null);
  optimizer.setState(w, { momentum: velocity });
  assert.equal(await optimizer.state(w)?.momentum.data(), velocity);
  backward(sum(mul(conv2d(random('x', [1, 3, 1, 2], { requiresGrad: false }), w, null), 0)));
  optimizer.step();
  near(
    await w.data(),
    start.map((v, i) => v - 0.5 * 0.9 * i),
    1e-6,
  );
  optimizer.setState(w, null);
  assert.is(optimizer.state(w), null);
});

test('groups have rates of their own; the optimizer sets all', async () => {
  const [a, b] = [random('a', [5]), random('b', [3])];
  const [a0, b0] = [await a.data(), await b.data()];
  const groups = [{ params: [a] }, { params: [b], lr: 0.01, weightDecay: 0.5 }];
  const optimizer = new SGD(groups, { lr: 0.1 });
  give(a, [1, 1, 1, 1, 1]);
  give(b, [1, 1, 1]);
  optimizer.step();
  near(
    await a.data(),
    a0.map((v) => v - 0.1),
    1e-6,
  );
  near(
    await b.data(),
    b0.map((v) => v - 0.01 * (1 + 0.5 * v)),
    1e-6,
  );
  for (const g of optimizer.groups) g.lr = g.initialLr * 0.01;
  near(
    optimizer.groups.map((g) => g.lr),
    [0.001, 0.0001],
    1e-12,
  );
  optimizer.lr = 0.3;
  assert.equal(
    optimizer.groups.map((g) => g.lr),
    [0.3, 0.3],
  );
});

test('without zeroGrad gradients add up; with it a parameter that is not reached is skipped', async () => {
  const [a, b] = [random('a', [2]), random('b', [2])];
  const [a0, b0] = [await a.data(), await b.data()];
  const optimizer = new SGD([a, b], { lr: 1, momentum: 0.5, weightDecay: 0.1 });
  give(a, [1, 2]);
  give(a, [10, 20]);
  optimizer.step();
  near(
    await a.data(),
    a0.map((v, i) => v - (11 * (i + 1) + 0.1 * v)),
    1e-6,
  );
  assert.equal(await b.data(), b0, 'no gradient: neither decay nor velocity');
  assert.is(optimizer.state(b), null);
  const a1 = await a.data();
  optimizer.zeroGrad();
  give(b, [1, 1]);
  optimizer.step();
  assert.equal(await a.data(), a1, 'no gradient since: its velocity does not move it');
});

test('a parameter that was used in part has gradient 0 elsewhere', async () => {
  const w = random('w', [3, 8]);
  const before = await w.data();
  const optimizer = new SGD([w], { lr: 1 });
  backward(sum(sliceChannels(w, 4, 8)));
  optimizer.step();
  near(
    await w.data(),
    before.map((v, i) => (i % 8 >= 4 ? v - 1 : v)),
    1e-6,
  );
});

test('one launch for a run of parameters, whatever their number; a frozen one parts it', () => {
  const params = Array.from({ length: 9 }, (_, i) => random(`p${i}`, [i + 1]));
  const optimizer = new SGD(params, { lr: 0.1 });
  const launches = (): number => {
    const before = device.stats().dispatches;
    optimizer.step();
    return device.stats().dispatches - before;
  };
  backward(params.map((p) => sum(p)).reduce((a, b) => add(a, b)));
  assert.is(launches(), 1);
  params[4].requiresGrad = false;
  assert.is(launches(), 2);
});

test('learning rates that change every step cost no uniform memory', () => {
  const p = random('p', [4]);
  const optimizer = new SGD([p], { lr: 0.1 });
  give(p, [1, 2, 3, 4]);
  optimizer.step();
  const before = device.stats();
  for (let s = 0; s < 3000; s++) {
    optimizer.lr = 0.1 / (1 + s);
    optimizer.step();
  }
  const { uniformBytes, bindGroups, pipelines } = device.stats();
  assert.equal(
    { uniformBytes, bindGroups, pipelines },
    { uniformBytes: before.uniformBytes, bindGroups: before.bindGroups, pipelines: before.pipelines },
  );
});

test('gradient norm: measured and clipped, packed or not, several sizes', async () => {
  const sizes = [5, 300, 7001];
  for (const packed of [false, true]) {
    const params = sizes.map((n) => random(`p${n}`, [n]));
    if (packed) new SGD(params, { lr: 1 });
    const gradients = await Promise.all(sizes.map((n) => random(`g${n}`, [n]).data()));
    for (const [i, p] of params.entries()) give(p, gradients[i]);
    const norm = Math.hypot(...gradients.flatMap((g) => Array.from(g)));
    near([await clipGradNorm(params, 1000).item()], [norm], 1e-6, 'norm');
    near(await (params[2].grad as Tensor).data(), gradients[2], 0, 'not clipped');
    clipGradNorm(params, 2);
    for (const [i, p] of params.entries())
      near(
        await (p.grad as Tensor).data(),
        gradients[i].map((v) => (v * 2) / norm),
        1e-6,
        'clipped',
      );
  }
  refuses(() => clipGradNorm([random('p', [1])], 0), /maxNorm must be above 0/);
});

test('the parameters outlive the optimizer', async () => {
  const p = random('p', [1000]);
  const before = await p.data();
  (() => new SGD([p], { lr: 1 }))();
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await random(`other${i}`, [1000]).data();
  }
  assert.equal(await p.data(), before);
});

test('what cannot be trained', () => {
  const p = random('p', [3]);
  refuses(() => new SGD([], { lr: 1 }), /no parameters/);
  refuses(() => new SGD([p, p], { lr: 1 }), /p\[3\] was given twice/);
  refuses(() => new SGD([tanh(p)], { lr: 1 }), /is no parameter/);
  refuses(() => new SGD([sliceChannels(random('w', [2, 4]), 0, 2)], { lr: 1 }), /slice/);
  refuses(() => new SGD([p], { lr: -1 }), /lr must be 0 or more, found -1/);
  refuses(() => new SGD([p], { lr: 1, nesterov: true }), /nesterov needs a momentum/);
  const first = new SGD([p], { lr: 1 });
  new SGD([p], { lr: 1 });
  assert.throws(() => first.step(), /p\[3\] now belongs to an optimizer that was made later/);
});

test.run();
