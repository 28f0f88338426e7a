import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  backward,
  ccc,
  cccLoss,
  crossEntropy,
  gradcheck,
  labels,
  logSoftmax,
  mse,
  mul,
  sliceChannels,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { columnsOf, goldens, near, random, refuses } from './helpers';

const test = suite('losses');
goldens(test, 'cross_entropy', 'ccc_loss');

test('log-softmax: gradient check, slices, rows above one workgroup', async () => {
  await gradcheck((x) => logSoftmax(x), [random('x', [5, 7], { scale: 3 })]);
  await gradcheck((x) => logSoftmax(sliceChannels(x, 2, 5)), [random('x', [3, 6])]);
  const x = random('x', [130, 3], { scale: 20 });
  const y = await logSoftmax(x).data();
  const values = await x.data();
  const expected = Float64Array.from(values, (v, i) => {
    const row = values.subarray(i - (i % 3), i - (i % 3) + 3);
    return v - Math.log(row.reduce((s, w) => s + Math.exp(w), 0));
  });
  near(y, expected, 1e-6);
});

// One class wins by 30: the loss is exp(-30) to the last digit, where log(sum of exp) would give 0.
test('cross entropy keeps its digits when a class wins by far', async () => {
  const x = tensor(device, [30, 0, -80], [1, 3], { requiresGrad: true });
  const loss = crossEntropy(x, labels(device, [0], 3));
  near([await loss.item()], [Math.exp(-30)], 1e-5);
  backward(loss);
  near(await (x.grad as Tensor).data(), [-Math.exp(-30), Math.exp(-30), Math.exp(-110)], 1e-5);
});

test('cross entropy: gradient check, weights, more rows than lanes', async () => {
  const weight = tensor(device, [0.5, 2, 1, 0], [4]);
  for (const n of [1, 3, 150]) {
    const truth = labels(
      device,
      Uint32Array.from({ length: n }, (_, i) => (i * 5) % 3),
      4,
    );
    const x = random('x', [n, 4], { scale: 2 });
    await gradcheck((t) => crossEntropy(t, truth, weight), [x]);
    await gradcheck((t) => crossEntropy(t, truth), [x]);
    await gradcheck((t) => crossEntropy(t, truth, weight, 0.2), [x]);
    await gradcheck((t) => crossEntropy(t, truth, null, 0.1), [x]);
  }
});

// The softmax is (1, 0, 0): what is left are the other classes' smoothing / C each.
test('label smoothing keeps its digits when a class wins by far', async () => {
  const x = tensor(device, [30, 0, -50], [1, 3], { requiresGrad: true });
  const loss = crossEntropy(x, labels(device, [0], 3), null, 0.03);
  near([await loss.item()], [0.01 * (30 + 80)], 1e-6);
  backward(loss);
  near(await (x.grad as Tensor).data(), [0.02, -0.01, -0.01], 1e-6);
});

test('cross entropy of labels whose weights are all 0 is 0, and so is its gradient', async () => {
  const x = random('x', [3, 4]);
  const loss = crossEntropy(x, labels(device, [3, 3, 3], 4), tensor(device, [0.5, 2, 1, 0], [4]));
  assert.is(await loss.item(), 0);
  backward(loss);
  assert.ok((await (x.grad as Tensor).data()).every((v) => v === 0));
});

test('both losses on slices of one matrix of scores', async () => {
  const truth = labels(device, [3, 0, 6, 3], 7);
  const gold = random('gold', [4, 2], { requiresGrad: false });
  const scores = random('scores', [4, 9]);
  const loss = (t: Tensor): Tensor =>
    add(crossEntropy(sliceChannels(t, 0, 7), truth), cccLoss(sliceChannels(t, 7, 9), gold));
  await gradcheck(loss, [scores]);
  const whole = await scores.data();
  const [logits, va] = [columnsOf(whole, 9, 0, 7), columnsOf(whole, 9, 7, 9)];
  const apart = add(crossEntropy(tensor(device, logits, [4, 7]), truth), cccLoss(tensor(device, va, [4, 2]), gold));
  assert.is(await loss(scores).item(), await apart.item());
});

test('labels must name a class', () => {
  refuses(() => labels(device, [0, 7], 7), /label 1: expected 0 to 6, found 7/);
  refuses(() => labels(device, [-1], 7), /label 0: expected 0 to 6, found -1/);
  refuses(() => labels(device, [0.5], 7), /found 0.5/);
});

test('cross entropy: shapes that do not fit', () => {
  const x = random('x', [2, 3]);
  const two = labels(device, [0, 1], 3);
  refuses(
    () => crossEntropy(x, labels(device, [0], 3)),
    /expected 2 labels of u32; logits are x\[2x3\], labels labels\[1\]/,
  );
  refuses(() => crossEntropy(x, tensor(device, [0, 1], [2])), /labels of u32/);
  refuses(() => crossEntropy(x, two, random('w', [2])), /weight must be \[3\], found w\[2\]/);
  refuses(() => crossEntropy(x, two, null, 1.5), /label smoothing must be from 0 to 1, found 1.5; logits are x/);
  refuses(() => crossEntropy(x, two, null, Number.NaN), /label smoothing must be from 0 to 1, found NaN/);
  refuses(() => crossEntropy(random('v', [3]), two), /logits must be \[N, C\]/);
  refuses(() => logSoftmax(random('v', [3])), /expected \[N, C\], found v\[3\]/);
});

test('CCC: gradients of both sides, one column and many, more rows than lanes', async () => {
  for (const [n, k] of [
    [2, 1],
    [5, 2],
    [70, 3],
  ]) {
    const [pred, gold] = [random('pred', [n, k]), random('gold', [n, k])];
    await gradcheck((p, g) => cccLoss(p, g), [pred, gold], { eps: 3e-3 });
    await gradcheck((p, g) => ccc(p, g), [pred, gold], { eps: 3e-3 });
  }
});

test('CCC by its formula, far from zero', async () => {
  const n = 200;
  const [pred, gold] = [
    random('p', [n, 1], { scale: 1e-3, offset: 0.4 }),
    random('g', [n, 1], { scale: 1e-3, offset: 0.4 }),
  ];
  const [x, y] = [await pred.data(), await gold.data()];
  const mean = (v: Float32Array): number => v.reduce((s, a) => s + a, 0) / n;
  const about = (v: Float32Array, w: Float32Array): number =>
    v.reduce((s, a, i) => s + (a - mean(v)) * (w[i] - mean(w)), 0);
  const expected = (2 * about(x, y)) / n / ((about(x, x) + about(y, y)) / (n - 1) + (mean(x) - mean(y)) ** 2);
  near(await ccc(pred, gold).data(), [expected], 1e-6);
  near(await cccLoss(pred, gold).data(), [1 - expected], 1e-6);
});

test('CCC: shapes that do not fit', () => {
  const one = random('one', [1, 2]);
  refuses(() => cccLoss(one, one), /one sample has no variance.*pred is one\[1x2\]/);
  refuses(() => cccLoss(random('p', [2, 2]), random('g', [2, 3])), /gold must have the shape of pred/);
  refuses(() => ccc(random('p', [4]), random('g', [4])), /pred must be \[N, K\]/);
});

test('mean squared error: value, gradients of both sides, slices, many elements', async () => {
  const [p, g] = [random('p', [3, 5]), random('g', [3, 5])];
  await gradcheck((a, b) => mse(a, b), [p, g]);
  await gradcheck((a, b) => mse(sliceChannels(a, 1, 4), sliceChannels(b, 0, 3)), [p, g]);
  await gradcheck((a, b) => mul(mse(a, b), 3), [random('p', [7]), random('g', [7])]);
  const [x, y] = [random('x', [2, 3, 100, 101]), random('y', [2, 3, 100, 101])];
  const [a, b] = [await x.data(), await y.data()];
  near([await mse(x, y).item()], [a.reduce((s, v, i) => s + (v - b[i]) ** 2, 0) / a.length], 1e-6);
  refuses(() => mse(p, random('g', [5, 3])), /expected two tensors of one shape/);
});

test('losses add up over two backwards', async () => {
  const x = random('x', [3, 4]);
  const truth = labels(device, [0, 1, 2], 4);
  const loss = (): Tensor => crossEntropy(x, truth);
  backward(loss());
  const once = await (x.grad as Tensor).data();
  backward(loss());
  near(
    await (x.grad as Tensor).data(),
    once.map((v) => 2 * v),
    1e-6,
  );
});

test.run();
