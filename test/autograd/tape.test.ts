import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  backward,
  conv2d,
  empty,
  gradInto,
  matmul,
  maxPool2d,
  mse,
  mul,
  noGrad,
  record,
  relu,
  reshape,
  sliceChannels,
  square,
  step,
  sub,
  sum,
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

test('a hook on a parameter sees its whole gradient once, however the parameter was used', async () => {
  const uses: Record<string, (w: Tensor) => Tensor> = {
    slice: (w) => mul(sliceChannels(w, 1, 3), 2),
    view: (w) => mul(w.view([2, 4], 'rows'), 2),
    reshape: (w) => mul(reshape(w, [8]), 2),
    copy: (w) => mul(reshape(w, [4, 2]), 2),
    detour: (w) => mul(sliceChannels(reshape(w, [2, 4, 1, 1]), 0, 4), 2),
    'two slices': (w) => add(mul(sliceChannels(w, 0, 2), 2), mul(sliceChannels(w, 1, 3), 2)),
    several: (w) => add(mul(w, 2), mul(w, 3)),
  };
  for (const [name, use] of Object.entries(uses)) {
    const w = counting([2, 4]);
    const seen: Promise<Float32Array>[] = [];
    w.onGrad((g) => seen.push(g.data()));
    const inSlice: number[] = [];
    sliceChannels(w, 1, 2).onGrad((g) => inSlice.push(g.shape[1]));
    const y = use(w);
    backward(y, ones(y));
    assert.is(seen.length, 1, name);
    assert.equal(inSlice, [1], name);
    const whole = await seen[0];
    near(whole, await gradient(w), 0, name);
    const expected: Record<string, number[]> = {
      slice: [0, 2, 2, 0, 0, 2, 2, 0],
      'two slices': [2, 4, 2, 0, 2, 4, 2, 0],
      several: new Array(8).fill(5),
    };
    near(whole, expected[name] ?? new Array(8).fill(2), 0, name);
    // Once more: what has been added up.
    const again = use(w);
    backward(again, ones(again));
    assert.is(seen.length, 2, name);
    near(
      await seen[1],
      Array.from(whole).map((v) => 2 * v),
      0,
      name,
    );
  }
});

test('a hook on a part of a growing value sees it once all readers of the part have added to it', async () => {
  const x = tensor(device, new Float32Array(18).fill(1), [1, 2, 3, 3], { requiresGrad: true });
  const w = tensor(device, new Float32Array(4).fill(1), [2, 2, 1, 1], { layout: 'taps' });
  const whole = empty(device, [1, 4, 3, 3]);
  const [front, back] = [sliceChannels(whole, 0, 2), sliceChannels(whole, 2, 4)];
  conv2d(x, w, null, { out: front });
  conv2d(relu(front), w, null, { out: back });
  const seen: Promise<Float32Array>[] = [];
  for (const t of [whole, front, back, sliceChannels(whole, 1, 3)]) t.onGrad((g) => seen.push(g.data()));
  backward(sum(whole));
  const grads = (await Promise.all(seen)).map((v) => Array.from(v).filter((_, i) => i % 9 === 0));
  assert.equal(grads, [
    [1, 1],
    [3, 3, 1, 1],
    [3, 3],
    [3, 1],
  ]);
});

test('two losses that share a part: the first keeps the graph, or the second says what to do, whatever the sizes', async () => {
  for (const rows of [2, 256]) {
    const make = (): { x: Tensor; losses: [Tensor, Tensor]; hidden: Tensor } => {
      const x = random('x', [rows, 128]);
      const hidden = maxPool2d(reshape(tanh(x), [rows, 2, 8, 8]), { kernel: 2 });
      return { x, hidden, losses: [sum(square(hidden)), sum(hidden)] };
    };
    const both = make();
    backward(add(...both.losses));
    const expected = await (both.x.grad as Tensor).data();

    const kept = make();
    const first: Promise<Float32Array>[] = [];
    kept.hidden.onGrad((g) => first.push(g.data()));
    backward(kept.losses[0], undefined, { retainGraph: true });
    backward(kept.losses[1]);
    near(await (kept.x.grad as Tensor).data(), expected, 1e-6);
    assert.equal(Array.from(new Set(await first[1])), [1], 'the first walk left nothing of its own in the second');
    assert.throws(() => backward(kept.losses[0]), /retainGraph/);

    const twice = make();
    backward(twice.losses[0], undefined, { retainGraph: true });
    const once = await (twice.x.grad as Tensor).data();
    backward(twice.losses[0]);
    near(
      await (twice.x.grad as Tensor).data(),
      once.map((v) => 2 * v),
      0,
    );

    const spent = make();
    backward(spent.losses[0]);
    const found = await (spent.x.grad as Tensor).data();
    assert.throws(
      () => backward(spent.losses[1]),
      /backward from sum\[1\]: a backward has walked max_pool2d of its graph already: give that one \{ retainGraph: true \}, or add the losses up/,
    );
    near(await (spent.x.grad as Tensor).data(), found, 0, 'what is refused changes nothing');
    assert.ok(Number.isFinite(await spent.losses[0].item()), 'a loss can be read after its backward');
  }
});

test('a loss that hangs on another: each walk begins with gradients of its own', async () => {
  const x = leaf([3]);
  const inner = mul(x, 2);
  const outer = mul(inner, 5);
  backward(inner, undefined, { retainGraph: true });
  backward(outer);
  near(await gradient(x), [12], 0);
});

test('backward from a leaf adds to its gradient', async () => {
  const x = leaf([3]);
  const seen: number[] = [];
  x.onGrad(() => seen.push(1));
  backward(x);
  backward(x, tensor(device, [4], [1]));
  near(await gradient(x), [5], 0);
  assert.equal(seen, [1, 1]);
});

test('two operations cannot write the same columns of one graph', async () => {
  const x = random('x', [1, 3, 2, 2]);
  const w = random('w', [2, 3, 1, 1], { layout: 'taps' });
  const whole = empty(device, [1, 4, 2, 2], { name: 'whole' });
  const part = (from: number): Tensor => sliceChannels(whole, from, from + 2);
  const write = (from: number): Tensor => conv2d(x, w, null, { out: part(from) });
  write(0);
  write(2);
  const message =
    /conv2d writes columns 1 to 2 of whole:1x4x2x2, where conv2d has written 0 to 1, and its backward is still to come/;
  assert.throws(() => write(1), message);
  assert.throws(() => noGrad(() => write(1)), message);
  assert.throws(() => whole.write(new Float32Array(16)), /write writes columns 0 to 3 of whole/);
  backward(sum(whole));
  x.value.dropGrad();
  w.value.dropGrad();
  // Walked: the place is free for the next graph.
  write(1);
  backward(sum(part(1)));
  const [gx, gw] = [await gradient(x), await gradient(w)];
  const [x2, w2] = [random('x', [1, 3, 2, 2]), random('w', [2, 3, 1, 1], { layout: 'taps' })];
  backward(sum(conv2d(x2, w2, null)));
  near(gx, await gradient(x2), 0);
  near(gw, await gradient(w2), 0);
  assert.throws(() => conv2d(x, w, null, { out: x2.view([1, 2, 2, 3], 'rows', 2) }), /out is/);
  const parameter = random('parameter', [1, 2, 2, 2]);
  assert.throws(() => conv2d(x, w, null, { out: parameter }), /writes parameter\[.*a leaf that requires a gradient/);
});

test('noGrad refuses an async function, by name, before anything of it runs', async () => {
  let ran = false;
  const look = async (): Promise<void> => {
    ran = true;
  };
  assert.throws(() => noGrad(look), /noGrad takes .* found the AsyncFunction look/);
  assert.is(ran, false);
  // A promise of a read is fine.
  assert.is(await noGrad(() => mul(leaf([2]), 3).item()), 6);
});

test('slices of one tensor: written, added to, and zero where nothing read', async () => {
  const x = counting([2, 6]);
  const y = mul(x, 2);
  const [a, b] = [sliceChannels(y, 0, 3), sliceChannels(y, 2, 5)];
  const seen: Promise<Float32Array>[] = [];
  a.onGrad((g) => seen.push(g.data()));
  backward(add(mul(a, 10), b), tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]));
  near(await gradient(x), [20, 40, 62, 4, 6, 0, 80, 100, 128, 10, 12, 0], 0);
  near(
    (await Promise.all(seen)).flatMap((v) => Array.from(v)),
    [10, 20, 31, 40, 50, 64],
    0,
  );
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
    assert.throws(() => backward(loss), /a backward has walked mse of its graph already/);
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
