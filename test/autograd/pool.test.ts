import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  backward,
  empty,
  gradcheck,
  maxPool2d,
  maxPool2dWithIndices,
  noGrad,
  type PoolOptions,
  sliceChannels,
  sum,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { counting, goldens, near, random, refuses } from './helpers';

const test = suite('pool');
goldens(test, 'maxpool', 'avgpool', 'global_avgpool');

const SHAPES: [number[], PoolOptions][] = [
  [[2, 8, 7, 9], { kernel: 3, stride: 2, padding: 1 }],
  [[1, 3, 6, 5], { kernel: [2, 3], stride: [1, 2], padding: [1, 1] }],
  [[2, 4, 9, 4], { kernel: [4, 1] }],
  [[1, 5, 8, 8], { kernel: 2, stride: 3 }],
  [[3, 12, 5, 5], { kernel: 5, stride: 1, padding: 2 }],
  [[2, 6, 1, 1], { kernel: 1 }],
  [[1, 4, 5, 4], { kernel: 2, stride: 1, padding: [0, 1, 0, 1] }],
  [[2, 3, 6, 7], { kernel: [4, 3], stride: [1, 2], padding: [2, 0, 0, 1] }],
];

/** No two elements of a map closer than 0.05: no step of the check makes another one the largest. */
function spread(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % size) * 0.05);
  return tensor(device, data, shape, { requiresGrad: true, name: 'x' });
}

test('gradients of max and average pools of any size', async () => {
  for (const [shape, options] of SHAPES) {
    await gradcheck((x) => maxPool2d(x, options), [spread(shape)], { samples: 16 });
    await gradcheck((x) => avgPool2d(x, options), [random('x', shape)], { samples: 16 });
  }
});

/** The mean over PyTorch's windows: floor(o H / OH) to ceil((o + 1) H / OH). */
function adaptive(x: Float32Array, [n, c, h, w]: number[], oh: number, ow: number): number[] {
  const out: number[] = [];
  for (let m = 0; m < n * c; m++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        let [total, count] = [0, 0];
        for (let y = Math.floor((oy * h) / oh); y < Math.ceil(((oy + 1) * h) / oh); y++)
          for (let i = Math.floor((ox * w) / ow); i < Math.ceil(((ox + 1) * w) / ow); i++, count++)
            total += x[(m * h + y) * w + i];
        out.push(total / count);
      }
  return out;
}

test('adaptive average pool to any size, larger ones too', async () => {
  const shape = [2, 4, 7, 5];
  const x = random('x', shape);
  for (const size of [1, 3, 7, [2, 5], [1, 2], [9, 6]] as (number | [number, number])[]) {
    const [oh, ow] = typeof size === 'number' ? [size, size] : size;
    const y = adaptiveAvgPool2d(x, size);
    assert.equal(y.shape, [2, 4, oh, ow]);
    near(await y.data(), adaptive(await x.data(), shape, oh, ow), 3e-7, `${size}`);
    await gradcheck((t) => adaptiveAvgPool2d(t, size), [x], { samples: 12 });
  }
  const large = random('large', [1, 8, 57, 61], { offset: 1 });
  near(await adaptiveAvgPool2d(large, 1).data(), adaptive(await large.data(), [1, 8, 57, 61], 1, 1), 3e-7);
});

test('the first maximum in row-major order gets everything, and its place is h * W + w', async () => {
  const x = tensor(device, [1, 3, 3, 0, 3, 3, 2, 2, 2], [1, 1, 3, 3], { requiresGrad: true });
  const { y, indices } = maxPool2dWithIndices(x, { kernel: 3 });
  backward(sum(y));
  assert.equal(Array.from(await indices.data()), [1]);
  assert.equal(Array.from(await (x.grad as Tensor).data()), [0, 1, 0, 0, 0, 0, 0, 0, 0]);
});

test('padding is minus infinity to a maximum and zero to an average', async () => {
  const x = tensor(device, [-4, -3, -2, -1], [1, 1, 2, 2]);
  const o = { kernel: 2, stride: 2, padding: 1 };
  assert.equal(Array.from(await maxPool2d(x, o).data()), [-4, -3, -2, -1]);
  assert.equal(Array.from(await avgPool2d(x, o).data()), [-1, -0.75, -0.5, -0.25]);
});

test('rows and columns that fill no window get no gradient', async () => {
  const x = counting([1, 2, 3, 3]);
  backward(sum(avgPool2d(x, { kernel: 2 })));
  const one = [0.25, 0.25, 0, 0.25, 0.25, 0, 0, 0, 0];
  assert.equal(Array.from(await (x.grad as Tensor).data()), [...one, ...one]);
});

test('slices in and out: a pool writes into channels of a wider tensor', async () => {
  for (const [channels, at] of [
    [8, 4],
    [3, 5],
  ]) {
    const data = spread([2, channels + 4, 6, 6]);
    for (const pool of [maxPool2d, avgPool2d]) {
      const into = (x: Tensor): Tensor => {
        const whole = empty(device, [2, 16, 3, 3]);
        pool(sliceChannels(x, 4, 4 + channels), { kernel: 2, out: sliceChannels(whole, at, at + channels) });
        return sliceChannels(whole, at, at + channels);
      };
      const alone = pool(sliceChannels(data, 4, 4 + channels), { kernel: 2 });
      near(await into(data).data(), await alone.data(), 0);
      await gradcheck(into, [data], { samples: 16 });
    }
  }
});

test('x used twice; a gradient written before is added to', async () => {
  const x = spread([1, 4, 6, 6]);
  await gradcheck((t) => add(maxPool2d(t, { kernel: 2 }), avgPool2d(t, { kernel: 2 })), [x]);
  await gradcheck((t) => add(adaptiveAvgPool2d(t, 3), maxPool2d(t, { kernel: 2 })), [x]);
  await gradcheck((t) => add(adaptiveAvgPool2d(t, 1), avgPool2d(t, { kernel: 6 })), [x]);
});

test('without a gradient no places are kept', async () => {
  const x = spread([2, 4, 6, 6]);
  const before = device.stats().dispatches;
  const y = noGrad(() => maxPool2d(x, { kernel: 2 }));
  assert.is(device.stats().dispatches, before + 1);
  assert.is(y.requiresGrad, false);
  near(await y.data(), await maxPool2d(x, { kernel: 2 }).data(), 0);
});

test('what does not fit', () => {
  const x = random('x', [1, 4, 5, 5]);
  refuses(
    () => maxPool2d(x, { kernel: 6 }),
    /max_pool2d of x\[1x4x5x5\]: the kernel 6x6 is larger than the padded image/,
  );
  refuses(() => avgPool2d(x, { kernel: 2, padding: 2 }), /padding must be 0 to half the kernel 2x2, found 2,2/);
  refuses(
    () => maxPool2d(x, { kernel: [4, 2], padding: [2, 2, 0, 2] }),
    /padding must be 0 to half the kernel 4x2, found 2,2,0,2/,
  );
  refuses(() => avgPool2d(x, { kernel: 0 }), /kernel must be at least 1/);
  refuses(() => maxPool2d(x, { kernel: 2, stride: 0 }), /stride must be at least 1/);
  refuses(() => maxPool2d(random('m', [4, 5]), { kernel: 2 }), /x must be \[N, C, H, W\] in layout rows/);
  refuses(
    () => maxPool2d(x, { kernel: 2, out: empty(device, [1, 4, 3, 3]) }),
    /out is .*1x4x3x3.*, the result is 1x4x2x2/,
  );
  refuses(() => maxPool2d(x, { kernel: 1, out: x }), /part of the memory/);
  refuses(() => adaptiveAvgPool2d(x, 0), /size must be at least 1/);
});

test.run();
