import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, backward, gradcheck, linear, matmul, sliceChannels, sum, type Tensor, tensor } from '../../src/autograd';
import { device } from '../gpu';
import { columnsOf, eachVariant, goldens, near, random, refuses } from './helpers';

const test = suite('matmul');
goldens(test, 'matmul', 'linear');

/** a [m, k] times b [k, n] in double precision. */
function reference(a: Float32Array, b: Float32Array, m: number, k: number, n: number): Float64Array {
  const y = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let q = 0; q < k; q++) for (let j = 0; j < n; j++) y[i * n + j] += a[i * k + q] * b[q * n + j];
  return y;
}

test('gradients of all transpositions, vectors and odd sizes, every variant', async () => {
  const shapes: [number, number, number][] = [
    [5, 7, 3],
    [3, 6, 8],
    [1, 13, 1],
  ];
  await eachVariant(async () => {
    for (const [m, k, n] of shapes)
      for (const transposeA of [false, true])
        for (const transposeB of [false, true]) {
          const a = random('a', transposeA ? [k, m] : [m, k]);
          const b = random('b', transposeB ? [n, k] : [k, n]);
          await gradcheck((x, y) => matmul(x, y, { transposeA, transposeB }), [a, b]);
        }
  });
});

// Sums of up to 256 products, then their sum: well within a relative 1e-6 (PyTorch's own worst over the goldens is 8e-7).
test('long sums are split: K = 5000', async () => {
  const [m, k, n] = [3, 5000, 4];
  const [a, b] = [random('a', [m, k]), random('b', [k, n])];
  await eachVariant(async (variant) => {
    near(await matmul(a, b).data(), reference(await a.data(), await b.data(), m, k, n), 1e-6, variant);
  });
});

test('slices as operands; their gradients stay inside', async () => {
  const [x, w] = [random('x', [6, 10]), random('w', [4, 9])];
  await gradcheck((a, b) => matmul(sliceChannels(a, 3, 7), sliceChannels(b, 1, 9)), [x, w]);
  for (const t of [x, w]) t.value.dropGrad();
  backward(sum(matmul(sliceChannels(x, 3, 7), sliceChannels(w, 1, 9))));
  const outside = await (sliceChannels(x, 0, 3).grad as Tensor).data();
  assert.ok(
    outside.every((g) => g === 0),
    'columns that nothing used',
  );
  const inside = await (sliceChannels(x, 3, 7).grad as Tensor).data();
  const ones = new Float32Array(6 * 8).fill(1);
  const b = columnsOf(await w.data(), 9, 1, 9);
  const turned = Float32Array.from({ length: 32 }, (_, i) => b[(i % 4) * 8 + Math.floor(i / 4)]);
  near(inside, reference(ones, turned, 6, 8, 4), 1e-6);
});

test('a long sum into the gradient of a slice, written and then added', async () => {
  const [a, b] = [random('a', [300, 2]), random('b', [300, 12])];
  const part = sliceChannels(b, 4, 8);
  backward(sum(matmul(a, part, { transposeA: true })));
  const once = await (part.grad as Tensor).data();
  backward(sum(matmul(a, part, { transposeA: true })));
  near(
    await (part.grad as Tensor).data(),
    once.map((v) => 2 * v),
    1e-6,
  );
  const wide = random('wide', [2, 600]);
  await gradcheck((w, p) => matmul(w, sliceChannels(p, 1, 5)), [wide, random('p', [600, 6])]);
});

test('an operand used twice gets both gradients', async () => {
  const a = random('a', [4, 4]);
  await gradcheck((x) => add(matmul(x, x), matmul(x, x, { transposeA: true })), [a]);
});

test('linear: gradients with and without bias, plain weights', async () => {
  const [x, weight, bias] = [random('x', [5, 7]), random('weight', [3, 7]), random('bias', [3])];
  await gradcheck((a, w, b) => linear(a, w, b), [x, weight, bias]);
  await gradcheck((a, w) => linear(a, w, null), [x, weight]);
  const plain = tensor(device, await weight.data(), [3, 7], { layout: 'plain', requiresGrad: true });
  near(await linear(x, plain, bias).data(), await linear(x, weight, bias).data(), 0);
  backward(sum(linear(x, plain, bias)));
  assert.is(plain.grad?.layout, 'plain');
});

test('a bias is added once, however long the sum', async () => {
  const [x, weight, bias] = [random('x', [2, 1500]), random('w', [4, 1500]), random('b', [4], { offset: 100 })];
  const [with_, without] = [await linear(x, weight, bias).data(), await linear(x, weight, null).data()];
  const b = await bias.data();
  near(
    with_,
    without.map((v, i) => v + b[i % 4]),
    1e-6,
  );
});

test('shapes that do not fit', () => {
  const [a, b] = [random('a', [2, 3]), random('b', [4, 5])];
  refuses(() => matmul(a, b), /a has 3 columns, b 4 rows; a is a\[2x3\], b b\[4x5\]/);
  refuses(() => matmul(a, a, { transposeA: true, transposeB: true }), /a has 2 columns, b 3 rows/);
  refuses(() => matmul(a, random('v', [3])), /expected two matrices, found v\[3\]/);
  refuses(() => matmul(a, tensor(device, new Uint32Array(12), [3, 4])), /f32/);
  refuses(() => linear(a, b, null), /weight expects 5 features, x has 3/);
  refuses(() => linear(a, random('w', [4, 3]), random('bias', [3])), /bias must be \[4\]/);
});

test.run();
