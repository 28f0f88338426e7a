import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  abs,
  add,
  backward,
  div,
  elu,
  exp,
  gelu,
  gradcheck,
  leakyRelu,
  log,
  mul,
  neg,
  relu,
  relu6,
  sigmoid,
  sliceChannels,
  sqrt,
  square,
  sub,
  sum,
  swish,
  type Tensor,
  tanh,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { goldens, near, random, refuses } from './helpers';

const test = suite('pointwise');
goldens(test, 'relu', 'elu', 'leaky_relu', 'relu6', 'gelu', 'swish', 'sigmoid');

/** The normal distribution's share below x, by its series. */
function normalShare(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 3; k < 400; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

type Op = (x: Tensor) => Tensor;
/** Each op with its formula in double precision, and where its inputs may lie. */
const TABLE: [string, Op, (x: number) => number, { scale?: number; offset?: number }][] = [
  ['relu', relu, (x) => Math.max(x, 0), {}],
  ['leakyRelu', (x) => leakyRelu(x), (x) => (x > 0 ? x : 0.2 * x), {}],
  ['leakyRelu, slope -0.5', (x) => leakyRelu(x, -0.5), (x) => (x > 0 ? x : -0.5 * x), {}],
  ['elu', (x) => elu(x), (x) => (x > 0 ? x : Math.expm1(x)), { scale: 3 }],
  ['elu, alpha 1.7', (x) => elu(x, 1.7), (x) => (x > 0 ? x : 1.7 * Math.expm1(x)), { scale: 3 }],
  ['exp', exp, Math.exp, {}],
  ['log', log, Math.log, { offset: 2 }],
  ['sqrt', sqrt, Math.sqrt, { offset: 2 }],
  ['square', square, (x) => x * x, {}],
  ['neg', neg, (x) => -x, {}],
  ['abs', abs, Math.abs, {}],
  ['sigmoid', sigmoid, (x) => 1 / (1 + Math.exp(-x)), { scale: 4 }],
  ['tanh', tanh, Math.tanh, { scale: 3 }],
  ['relu6', relu6, (x) => Math.min(Math.max(x, 0), 6), { scale: 5 }],
  ['swish', swish, (x) => x / (1 + Math.exp(-x)), { scale: 4 }],
  ['gelu', gelu, (x) => x * normalShare(x), { scale: 5 }],
  ['gelu below -2', gelu, (x) => x * normalShare(x), { scale: 1.5, offset: -3.5 }],
  ['x + 2', (x) => add(x, 2), (x) => x + 2, {}],
  ['2 + x', (x) => add(2, x), (x) => x + 2, {}],
  ['x - 2', (x) => sub(x, 2), (x) => x - 2, {}],
  ['2 - x', (x) => sub(2, x), (x) => 2 - x, {}],
  ['x * 3', (x) => mul(x, 3), (x) => 3 * x, {}],
  ['3 * x', (x) => mul(3, x), (x) => 3 * x, {}],
  ['x / 3', (x) => div(x, 3), (x) => x / 3, {}],
  ['3 / x', (x) => div(3, x), (x) => 3 / x, { offset: 2 }],
];

/** Numbers off the kink at 0 of relu and its kind: the check moves each by 0.01. */
function offZero(t: Tensor): Promise<Tensor> {
  return t.data().then((data) => {
    t.write(data.map((v) => v + (v < 0 ? -0.05 : 0.05)));
    return t;
  });
}

for (const [name, op, formula, range] of TABLE) {
  // 1e-6: WGSL's exp, division and square root may be off by a few units in the last place.
  test(`${name}: values and gradient, maps, matrices, vectors and weights`, async () => {
    const [shapes, layouts] = [
      [[2, 3, 5, 7], [6, 8], [37], [4, 3, 3, 2]],
      [undefined, undefined, undefined, 'taps'] as const,
    ];
    for (const [i, shape] of shapes.entries()) {
      const x = await offZero(random('x', shape, { ...range, layout: layouts[i] }));
      const y = op(x);
      assert.is(y.layout, x.layout);
      near(await y.data(), Array.from(await x.data(), formula), 1e-6, shape.join('x'));
      await gradcheck(op, [x], { samples: 4 });
    }
  });
}

test('at the kinks: relu and relu6 0, leaky relu its slope, elu its alpha, abs 0', async () => {
  const at = async (op: Op, place = 0): Promise<number> => {
    const x = tensor(device, [place], [1], { requiresGrad: true });
    backward(op(x));
    return (x.grad as Tensor).item();
  };
  assert.is(await at(relu), 0);
  assert.is(await at(relu6), 0);
  assert.is(await at(relu6, 6), 0);
  assert.is(await at(relu6, 5.9), 1);
  assert.is(await at((x) => leakyRelu(x, 0.25)), 0.25);
  assert.is(await at((x) => elu(x)), 1);
  assert.is(await at((x) => elu(x, 0.5)), 0.5);
  assert.is(await at(abs), 0);
});

test('nothing overflows on the way to a finite value', async () => {
  const x = tensor(device, [-200, -90, 90, 200], [4], { requiresGrad: true });
  near(await sigmoid(x).data(), [0, 0, 1, 1], 1e-7);
  near(await tanh(x).data(), [-1, -1, 1, 1], 1e-7);
  near(await elu(x).data(), [-1, -1, 90, 200], 1e-7);
  near(await gelu(x).data(), [0, 0, 90, 200], 1e-7);
  near(await swish(x).data(), [0, 0, 90, 200], 1e-7);
  for (const op of [sigmoid, tanh, elu, gelu, swish] as Op[]) {
    const leaf = tensor(device, [-200, 200], [2], { requiresGrad: true });
    backward(sum(op(leaf)));
    const [low, high] = await (leaf.grad as Tensor).data();
    assert.ok(Math.abs(low) < 1e-30 && Number.isFinite(high), `${low}, ${high}`);
  }
});

const BINARY: [string, (a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => number][] = [
  ['add', add, (a, b) => a + b],
  ['sub', sub, (a, b) => a - b],
  ['mul', mul, (a, b) => a * b],
  ['div', div, (a, b) => a / b],
];

/** f over the broadcast shape, in row-major order. */
function reference(
  [a, from]: [Float32Array, readonly number[]],
  [b, by]: [Float32Array, readonly number[]],
  shape: readonly number[],
  f: (a: number, b: number) => number,
): number[] {
  const place = (index: number[], of: readonly number[]): number =>
    of.reduce((at, n, d) => at * n + (n === 1 ? 0 : index[d + shape.length - of.length]), 0);
  const size = shape.reduce((p, n) => p * n, 1);
  return Array.from({ length: size }, (_, i) => {
    const index: number[] = [];
    for (let rest = i, d = shape.length - 1; d >= 0; rest = Math.floor(rest / shape[d--])) index[d] = rest % shape[d];
    return f(a[place(index, from)], b[place(index, by)]);
  });
}

/** Shapes of a, b and the result. */
const PAIRS = [
  '2x8x3x5 2x8x3x5 2x8x3x5',
  '2x3x3x5 2x3x3x5 2x3x3x5',
  '7 7 7',
  '2x6 1 2x6',
  '4x6 6 4x6',
  '4x1 1x6 4x6',
  '2x3x4x5 3x1x1 2x3x4x5',
  '2x8x3x2 8x1x1 2x8x3x2',
  '2x3x4x5 5 2x3x4x5',
  '1x3x1x5 2x1x4x1 2x3x4x5',
  '5x1x3 2x3 5x2x3',
  '1x1 2x3x2x2 2x3x2x2',
];

for (const [name, op, formula] of BINARY) {
  test(`${name}: values and gradients of equal and of broadcast shapes`, async () => {
    const dims = (text: string): number[] => text.split('x').map(Number);
    for (const pair of PAIRS) {
      const [from, by, shape] = pair.split(' ').map(dims);
      const a = random('a', from);
      const b = random('b', by, { scale: 0.5, offset: 1.5 });
      const y = op(a, b);
      assert.equal(y.shape, shape);
      const expected = reference([await a.data(), from], [await b.data(), by], shape, formula);
      near(await y.data(), expected, 1e-6, `${from} and ${by}`);
      await gradcheck(op, [a, b], { samples: 4 });
    }
  });
}

test('layouts may differ; the sum over a repeated axis has 5,000 terms', async () => {
  const plain = random('a', [3, 4], { layout: 'plain' });
  await gradcheck(mul, [plain, random('b', [3, 4])]);
  await gradcheck(mul, [random('w', [4, 3, 2, 2], { layout: 'taps' }), random('x', [4, 3, 2, 2])]);
  const [many, few] = [random('many', [5000, 3]), random('few', [3])];
  backward(sum(mul(many, few)));
  const m = await many.data();
  const sums = [0, 1, 2].map((c) => m.reduce((s, v, i) => (i % 3 === c ? s + v : s), 0));
  // The sums are some 30 times smaller than their terms together, so 1e-5 asks for partial sums.
  near(await (few.grad as Tensor).data(), sums, 1e-5);
});

test('slices in, slices of the gradient out, aligned and not', async () => {
  const x = random('x', [3, 12, 2, 3], { scale: 0.5, offset: 2 });
  for (const [from, to] of [
    [4, 8],
    [1, 6],
  ]) {
    const part = (t: Tensor): Tensor => sliceChannels(t, from, to);
    await gradcheck((t) => mul(exp(part(t)), part(t)), [x], { samples: 12 });
    await gradcheck((t) => div(part(t), sliceChannels(t, 12 - (to - from), 12)), [x], { samples: 12 });
    await gradcheck((t) => mul(part(t), random('row', [to - from, 1, 1], { requiresGrad: false })), [x], {
      samples: 12,
    });
  }
});

test('an operand used twice, and a gradient written before, are added to', async () => {
  await gradcheck((x) => mul(x, x), [random('x', [3, 5])]);
  await gradcheck((x) => sub(add(x, relu(x)), mul(x, sigmoid(x))), [await offZero(random('x', [2, 4, 3, 3]))]);
  await gradcheck((x) => add(x, sliceChannels(x, 1, 2)), [random('x', [3, 4])]);
  const x = tensor(device, [1, 2, 3], [3], { requiresGrad: true });
  backward(sum(mul(x, 2)));
  backward(sum(mul(x, x)));
  assert.equal(Array.from(await (x.grad as Tensor).data()), [4, 6, 8]);
});

test('many elements: every one is done, at sizes that fill no vector', async () => {
  for (const size of [4096 * 64 + 3, 1021]) {
    const x = random('x', [size]);
    const [data, got] = [await x.data(), await relu(x).data()];
    assert.ok(data.every((v, i) => got[i] === Math.max(v, 0)));
    assert.is(got.length, size);
  }
  const wide = random('wide', [70000, 6]);
  near(
    await neg(sliceChannels(wide, 1, 4)).data(),
    (await wide.data()).filter((_, i) => i % 6 > 0 && i % 6 < 4).map((v) => -v),
    0,
  );
});

test('what does not fit', () => {
  const a = random('a', [2, 3]);
  refuses(() => add(a, random('b', [2, 4])), /add: a\[2x3\] and b\[2x4\] do not fit: axis 1 is 3 and 4/);
  refuses(() => mul(random('a', [2, 1, 1, 1, 1]), a), /at most 4 axes/);
  refuses(
    () => relu(tensor(device, new Uint32Array(3), [3])),
    /expected numbers of type f32 or f16, found tensor\[3\] of type u32/,
  );
  refuses(() => div(1, 2), /at least one tensor/);
});

test.run();
