import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  adaptiveAvgPool2d,
  add,
  flatten,
  gradcheck,
  mul,
  reshape,
  sliceChannels,
  type Tensor,
  transpose,
} from '../../src/autograd';
import { device } from '../gpu';
import { counting, near, random, refuses } from './helpers';

const test = suite('reshape');

test('row-major order whatever the layouts, and gradients', async () => {
  const shapes: [number[], number[]][] = [
    [
      [2, 3, 4, 5],
      [2, 60],
    ],
    [
      [2, 60],
      [2, 3, 4, 5],
    ],
    [
      [2, 6, 2, 2],
      [4, 3, 2, 2],
    ],
    [[2, 3, 4, 5], [120]],
    [
      [2, 3, 4, 5],
      [6, 4, 5],
    ],
    [[12], [3, 4]],
    [[12], [3, 1, 4]],
    [[3, 4], [12]],
    [
      [6, 2],
      [3, 4],
    ],
    [
      [2, 3, 1, 1],
      [3, 2],
    ],
    [
      [4, 1, 3, 2],
      [4, 6],
    ],
  ];
  for (const [from, to] of shapes) {
    const x = counting(from);
    const y = reshape(x, to);
    assert.equal(y.shape, to);
    assert.is(y.layout, to.length === 2 || to.length === 4 ? 'rows' : 'plain');
    assert.equal(await y.data(), await x.data());
    await gradcheck((t) => reshape(t, to), [random('x', from)], { samples: 6 });
  }
  const w = counting([4, 3, 2, 2], { layout: 'taps' });
  assert.equal(await reshape(w, [4, 12]).data(), await w.data());
  await gradcheck((t) => reshape(t, [4, 12]), [random('w', [4, 3, 2, 2], { layout: 'taps' })], { samples: 6 });
});

test('a view costs nothing', () => {
  const [map, matrix, vector] = [random('x', [3, 8, 1, 1]), random('y', [3, 4]), random('z', [24])];
  const before = device.stats().dispatches;
  assert.is(flatten(map).storage, map.storage);
  assert.is(flatten(sliceChannels(map, 4, 8)).storage, map.storage);
  assert.is(reshape(matrix, [3, 4, 1, 1]).storage, matrix.storage);
  assert.is(reshape(matrix, [12]).storage, matrix.storage);
  assert.is(reshape(reshape(matrix, [12]), [3, 4]).storage, matrix.storage);
  assert.is(reshape(vector, [2, 3, 4]).storage, vector.storage);
  assert.is(reshape(vector, [24]), vector);
  assert.is(device.stats().dispatches, before);
});

test('flatten from any axis', async () => {
  const x = counting([2, 3, 2, 2]);
  assert.equal(flatten(x).shape, [2, 12]);
  assert.equal(flatten(x, 0).shape, [24]);
  assert.equal(flatten(x, 2).shape, [2, 3, 4]);
  for (const d of [0, 1, 2, 3]) assert.equal(await flatten(x, d).data(), await x.data());
  await gradcheck((t) => flatten(sliceChannels(t, 1, 3)), [random('x', [2, 4, 2, 3])]);
  await gradcheck((t) => flatten(adaptiveAvgPool2d(t, 1)), [random('x', [2, 4, 2, 3])]);
});

test('transpose', async () => {
  const x = counting([3, 5]);
  const [data, turned] = [await x.data(), await transpose(x).data()];
  near(
    turned,
    Array.from(turned, (_, i) => data[(i % 3) * 5 + Math.floor(i / 3)]),
    0,
  );
  assert.equal(await transpose(transpose(x)).data(), data);
  const twice = (t: Tensor): Tensor => mul(transpose(t), transpose(add(t, 1)));
  await gradcheck(twice, [random('x', [4, 7])]);
  await gradcheck((t) => transpose(sliceChannels(t, 1, 4)), [random('x', [2, 6])]);
});

test('a view shares its gradient with the whole', async () => {
  await gradcheck((t) => add(reshape(t, [12]), reshape(mul(t, t), [12])), [random('x', [3, 4])]);
  await gradcheck((t) => add(flatten(t), flatten(mul(t, t))), [random('x', [3, 4, 1, 1])]);
});

test('what does not fit', () => {
  const x = random('x', [2, 3, 4, 5]);
  refuses(() => reshape(x, [2, 61]), /reshape: x\[2x3x4x5\] has 120 elements, they cannot fill 2x61/);
  refuses(() => reshape(x, [-1, 60]), /cannot fill -1x60/);
  refuses(() => flatten(x, 4), /no axis 4/);
  refuses(() => transpose(x), /expected a matrix/);
});

test.run();
