import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  backward,
  empty,
  gradInto,
  matmul,
  mse,
  mul,
  noGrad,
  record,
  relu,
  sliceChannels,
  step,
  sub,
  type Tensor,
  tanh,
  tensor,
} from '../../src/autograd';
import { matrixOf } from '../../src/autograd/tensor';
import { copyChannels } from '../../src/kernels/channels';
import { device } from '../gpu';
import { counting, near, random } from './helpers';

const test = suite('tape');
const leaf = (values: number[], name = 'x'): Tensor =>
  tensor(device, values, [values.length], { requiresGrad: true, name });
const ones = (t: Tensor): Tensor => tensor(device, new Float32Array(t.size).fill(1), t.shape, { layout: t.layout });
const gradient = async (t: Tensor): Promise<number[]> => Array.from(await (t.grad as Tensor).data());

test('a chain, a fork and a join', async () => {
  const x = leaf([1, 2, 3]);
  const square = mul(x, x);
  backward(add(mul(square, x), mul(square, 2)), ones(x));
  near(
    await gradient(x),
    [1, 2, 3].map((v) => 3 * v * v + 4 * v),
    1e-6,
  );
});

test('upstream: given, 1 for a scalar, refused when it does not fit', async () => {
  const x = leaf([1, 2]);
  backward(mul(x, 3), tensor(device, [10, 100], [2]));
  near(await gradient(x), [30, 300], 0);
  const y = leaf([5]);
  backward(mul(y, 2));
  near(await gradient(y), [2], 0);
  assert.throws(() => backward(mul(x, 3)), /tensor of 2 elements needs an upstream gradient/);
  assert.throws(() => backward(mul(x, 3), leaf([1])), /upstream has shape 1/);
  assert.throws(() => backward(tensor(device, [1], [1])), /nothing that it was made from requires a gradient/);
});

test('leaves add up over backwards; what is computed does not', async () => {
  const x = leaf([1, 2]);
  backward(mul(x, 3), ones(x));
  backward(mul(x, 4), ones(x));
  near(await gradient(x), [7, 7], 0);
  x.value.dropGrad();
  assert.is(x.grad, null);
  backward(mul(x, 5), ones(x));
  near(await gradient(x), [5, 5], 0);
});

test('the gradient of what is not needed is not made', async () => {
  const [x, y] = [leaf([1, 2]), tensor(device, [3, 4], [2])];
  backward(mul(x, y), ones(x));
  assert.is(y.grad, null);
  assert.is(mul(y, y).requiresGrad, false);
});

test('noGrad records nothing, and ends with its function, however that ends', () => {
  const x = leaf([1]);
  assert.is(
    noGrad(() => noGrad(() => mul(x, 2)).requiresGrad || mul(x, 2).requiresGrad),
    false,
  );
  assert.throws(() =>
    noGrad(() => {
      throw new Error('stop');
    }),
  );
  assert.is(mul(x, 2).requiresGrad, true);
});

test('detach cuts the graph and keeps the elements', async () => {
  const x = leaf([2, 3]);
  const y = mul(x, x);
  const cut = y.detach();
  assert.is(cut.requiresGrad, false);
  assert.is(cut.storage, y.storage);
  backward(mul(y, cut), ones(x));
  near(
    await gradient(x),
    [2, 3].map((v) => v * v * 2 * v),
    1e-6,
  );
});

test('a hook sees the complete gradient, once', async () => {
  const x = leaf([1, 2]);
  const y = mul(x, 2);
  const seen: Promise<Float32Array>[] = [];
  y.onGrad((g) => seen.push(g.data()));
  x.onGrad((g) => seen.push(g.data()));
  backward(add(mul(y, 3), mul(y, 4)), ones(x));
  near(
    (await Promise.all(seen)).flatMap((v) => Array.from(v)),
    [7, 7, 14, 14],
    0,
  );
});

test('slices of one tensor: written, added to, and zero where nothing read', async () => {
  const x = counting([2, 6]);
  const y = mul(x, 2);
  const [a, b] = [sliceChannels(y, 0, 3), sliceChannels(y, 2, 5)];
  const seen: Promise<Float32Array>[] = [];
  a.onGrad((g) => seen.push(g.data()));
  backward(add(mul(a, 10), b), tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]));
  near(await gradient(x), [20, 40, 62, 4, 6, 0, 80, 100, 128, 10, 12, 0], 0);
  assert.is(seen.length, 0, 'a view of what one operation wrote is no output of its own');
});

test('slices that operations wrote, as a growing block does', async () => {
  // y = [f(x) | g(f(x)) | unread], every part written by its own operation.
  const scaled = (x: Tensor, factor: number, out: Tensor): void => {
    const result = mul(x, factor);
    copyChannels(device, matrixOf(result), matrixOf(out), false);
    record('place', [result], [out], (dy) => {
      const dx = dy && gradInto(result);
      if (dx) copyChannels(device, matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
    });
  };
  const x = leaf([1, 2, 3, 4]).view([2, 2], 'plain');
  const rows = tensor(device, await x.data(), [2, 2], { requiresGrad: true });
  const y = empty(device, [2, 6]);
  const parts = [0, 2, 4].map((c) => sliceChannels(y, c, c + 2));
  const seen: string[] = [];
  parts.forEach((p, i) => {
    p.onGrad(() => seen.push(`part ${i}`));
  });
  scaled(rows, 3, parts[0]);
  scaled(parts[0], 5, parts[1]);
  scaled(parts[0], 7, parts[2]);
  near(await y.data(), [3, 6, 15, 30, 21, 42, 9, 12, 45, 60, 63, 84], 0);
  backward(sliceChannels(y, 0, 4), tensor(device, new Float32Array(8).fill(1), [2, 4]));
  near(await gradient(rows), [18, 18, 18, 18], 0);
  assert.equal(seen, ['part 1', 'part 0'], 'part 2 had no reader');
});

test('an operation of several outputs gets null for those that nobody used', () => {
  const x = leaf([1, 2]);
  const [y, z] = [empty(device, [2]), empty(device, [2])];
  let got: (Tensor | null)[] = [];
  record('two', [x], [y, z], (...grads) => {
    got = grads;
  });
  backward(z, ones(z));
  assert.is(got[0], null);
  assert.ok(got[1]);
});

test('activations are given back during backward, small ones and those asked for stay', async () => {
  // 128 x 256 floats are 128 KiB, above the 64 KiB from which it pays.
  const x = random('x', [128, 256]);
  await step(device, () => {
    const hidden = Array.from({ length: 3 }, (_, i) => i).reduce<Tensor[]>((t) => [...t, tanh(t.at(-1) ?? x)], []);
    hidden[1].retain();
    const loss = mse(hidden[2], tensor(device, new Float32Array(x.size), x.shape));
    backward(loss);
    assert.equal(
      hidden.map((t) => t.storage.alive),
      [false, true, false],
    );
    assert.ok(loss.storage.alive);
    assert.throws(() => relu(hidden[0]), /is tanh:128x256, which is gone/);
    assert.throws(() => backward(loss), /gone/, 'a graph can be walked once');
    return hidden[1];
  }).data();
});

test('after its step a tensor is gone, and says its name', async () => {
  const x = leaf([1, 2]);
  let lost = x;
  const kept = step(device, () => {
    lost = tanh(x);
    return { y: mul(lost, 2), list: [mul(lost, 3)] };
  });
  near(
    await kept.y.data(),
    [1, 2].map((v) => 2 * Math.tanh(v)),
    1e-6,
  );
  near(
    await kept.list[0].data(),
    [1, 2].map((v) => 3 * Math.tanh(v)),
    1e-6,
  );
  assert.throws(() => mul(lost, 2), /tanh:2, which is gone \(its step or backward ended\)/);
  let message = '';
  await lost.data().catch((e: Error) => {
    message = e.message;
  });
  assert.match(message, /tanh:2 is gone/);
});

test('gradients of parameters outlive the step that made them', async () => {
  const x = leaf([1, 2]);
  step(device, () => backward(mul(x, 3), ones(x)));
  near(await gradient(x), [3, 3], 0);
});

test('only leaves can be told to want a gradient', () => {
  const x = leaf([1]);
  const y = mul(x, 2);
  assert.throws(() => {
    y.requiresGrad = false;
  }, /only a leaf can be told/);
  x.requiresGrad = false;
  assert.is(mul(x, 2).requiresGrad, false);
});

test('console.log shows what a tensor is, not what it holds', () => {
  const x = leaf([1, 2], 'weights');
  assert.is(inspect(x), 'Tensor weights[2] (plain, requires grad)');
  assert.match(
    inspect(sliceChannels(matmul(counting([2, 2]), counting([2, 4])), 1, 3)),
    /slice at 1 of rows of 4.*from matmul/,
  );
});

test('a graph of a thousand operations does not overflow the stack', async () => {
  const x = leaf([1]);
  let y = x;
  for (let i = 0; i < 3000; i++) y = sub(y, 0.001);
  backward(y);
  near(await gradient(x), [1], 0);
});

test.run();
