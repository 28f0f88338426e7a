import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, concat, gradcheck, mul, padChannels, reshape, sliceChannels, type Tensor } from '../../src/autograd';
import { device } from '../gpu';
import { columnsOf, counting, goldens, near, random, refuses } from './helpers';

const test = suite('channels');
goldens(test, 'concat', 'pad_channels');

test('a slice is a view: same memory, nothing computed', async () => {
  const x = random('x', [4, 10]);
  const before = device.stats().dispatches;
  const part = sliceChannels(sliceChannels(x, 2, 9), 1, 5);
  assert.is(device.stats().dispatches, before);
  assert.is(part.storage, x.storage);
  assert.equal(part.shape, [4, 4]);
  assert.equal(await part.data(), columnsOf(await x.data(), 10, 3, 7));
});

test('slices of one tensor collect their gradients in one buffer, overlapping or not', async () => {
  const x = random('x', [3, 12, 2, 2]);
  const part = (t: Tensor, from: number, to: number): Tensor => sliceChannels(t, from, to);
  await gradcheck((t) => add(part(t, 0, 4), part(t, 8, 12)), [x]);
  await gradcheck((t) => mul(part(t, 1, 6), part(t, 3, 8)), [x]);
  await gradcheck((t) => concat([part(t, 0, 7), t, part(t, 5, 12)]), [x]);
});

test('a slice of a view that cuts its memory into other rows', async () => {
  await gradcheck((t) => sliceChannels(reshape(mul(t, t), [2, 3]), 1, 3), [random('x', [6])]);
  await gradcheck((t) => sliceChannels(reshape(t, [4, 3]), 1, 2), [random('x', [12])]);
});

test('concat of matrices and maps, with one tensor twice', async () => {
  const [a, b] = [counting([2, 3]), random('b', [2, 5])];
  const y = concat([a, b, a]);
  assert.equal(y.shape, [2, 11]);
  near(columnsOf(await y.data(), 11, 8, 11), await a.data(), 0);
  await gradcheck((p, q) => concat([p, q, p]), [a, b]);
  await gradcheck((p, q) => concat([p, q, p]), [random('p', [2, 8, 3, 1]), random('q', [2, 4, 3, 1])]);
});

test('padded channels are zero, aligned or not, on one side or both', async () => {
  for (const [channels, before, after] of [
    [32, 16, 16],
    [5, 2, 2],
    [4, 0, 4],
    [6, 3, 0],
    [3, 0, 0],
  ]) {
    const x = random('x', [2, channels, 3, 3], { offset: 2 });
    const y = padChannels(x, before, after);
    const [width, data] = [before + channels + after, await y.data()];
    assert.equal(y.shape, [2, width, 3, 3]);
    const source = await x.data();
    const expected = Float32Array.from(data, (_, i) => {
      const [n, c, p] = [Math.floor(i / (width * 9)), (Math.floor(i / 9) % width) - before, i % 9];
      return c >= 0 && c < channels ? source[(n * channels + c) * 9 + p] : 0;
    });
    assert.equal(data, expected);
    await gradcheck((t) => padChannels(t, before, after), [x], { samples: 8 });
  }
  await gradcheck((t) => padChannels(sliceChannels(t, 4, 8), 4, 0), [random('x', [3, 12])]);
  await gradcheck((t) => add(padChannels(t, 1, 2), padChannels(t, 0, 3)), [random('x', [3, 4])]);
});

test('what does not fit', () => {
  const x = random('x', [2, 4, 3, 3]);
  refuses(() => sliceChannels(x, 2, 5), /slice_channels: x\[2x4x3x3\] has channels 0 to 3, asked for 2 to 4/);
  refuses(() => sliceChannels(x, 2, 2), /asked for 2 to 1/);
  refuses(() => sliceChannels(random('v', [4]), 0, 2), /layout rows/);
  refuses(() => concat([x, random('y', [2, 4, 3, 2])]), /differ in more than their channels/);
  refuses(() => concat([]), /at least one/);
  refuses(() => padChannels(x, -1, 0), /cannot add -1 channels/);
});

test.run();
