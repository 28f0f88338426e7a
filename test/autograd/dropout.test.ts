import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, dropout, gradcheck, mul, sliceChannels, sum, type Tensor, tensor } from '../../src/autograd';
import { device } from '../gpu';
import { random, refuses } from './helpers';

const test = suite('dropout');

const training = true;
const ones = (shape: readonly number[]): Tensor =>
  tensor(device, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape, { requiresGrad: true });

function fmix32(k: number): number {
  let h = k >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What the docstring says, on the CPU. */
function mask(size: number, p: number, seed: number, stream: number): Float32Array {
  const key = fmix32(seed + Math.imul(stream, 0x9e3779b9));
  const keep = (i: number): boolean => fmix32(key + Math.imul(i, 0x9e3779b9)) >>> 8 >= Math.round(p * 2 ** 24);
  return Float32Array.from({ length: size }, (_, i) => (keep(i) ? Math.fround(1 / (1 - p)) : 0));
}

test('the mask is the documented function of seed, stream and element', async () => {
  for (const [size, p, seed, stream] of [
    [1000, 0.3, 7, 0],
    [1001, 0.5, 4294967295, 12],
    [3, 0.9, 0, 1],
  ])
    assert.equal(await dropout(ones([size]), p, { seed, stream, training }).data(), mask(size, p, seed, stream));
  // Matrices are numbered row by row, slices as their own result.
  const part = dropout(sliceChannels(ones([40, 12]), 4, 8), 0.4, { seed: 3, stream: 2, training });
  assert.equal(await part.data(), mask(160, 0.4, 3, 2));
  const odd = dropout(sliceChannels(ones([40, 12]), 1, 6), 0.4, { seed: 3, stream: 2, training });
  assert.equal(await odd.data(), mask(200, 0.4, 3, 2));
});

test('a share of p is dropped, the mean stays', async () => {
  const n = 200_000;
  for (const p of [0.1, 0.5, 0.8]) {
    const y = await dropout(ones([n]), p, { seed: 1, stream: 0, training }).data();
    const dropped = y.filter((v) => v === 0).length / n;
    // Five standard deviations of a share of 200,000 draws.
    assert.ok(Math.abs(dropped - p) < 5 * Math.sqrt((p * (1 - p)) / n), `${dropped} of ${p}`);
  }
});

test('other seeds and streams, other masks; the same ones the same', async () => {
  const run = async (seed: number, stream: number): Promise<string> =>
    (await dropout(ones([64]), 0.5, { seed, stream, training }).data()).join();
  const all = await Promise.all([run(1, 0), run(1, 1), run(2, 0), run(2, 1)]);
  assert.is(new Set(all).size, 4);
  assert.is(await run(1, 0), all[0]);
});

test('gradients, through a slice, and added to others', async () => {
  const o = { seed: 5, stream: 1, training };
  await gradcheck((x) => dropout(x, 0.4, o), [random('x', [3, 8, 2, 2])]);
  await gradcheck((x) => mul(dropout(x, 0.4, o), dropout(x, 0.2, { ...o, stream: 2 })), [random('x', [5, 7])]);
  await gradcheck((x) => dropout(sliceChannels(x, 1, 6), 0.4, o), [random('x', [5, 8])]);
});

test('a new seed compiles nothing and writes no uniforms', async () => {
  const x = ones([100]);
  dropout(x, 0.5, { seed: 1, stream: 0, training });
  const before = device.stats();
  for (let seed = 2; seed < 20; seed++) dropout(x, 0.5, { seed, stream: 0, training });
  const after = device.stats();
  assert.is(after.pipelines, before.pipelines);
  assert.is(after.uniformBytes, before.uniformBytes);
});

test('nothing happens outside training or with p = 0; p = 1 drops all', async () => {
  const x = ones([10]);
  assert.is(dropout(x, 0.5, { seed: 1, stream: 0, training: false }), x);
  assert.is(dropout(x, 0, { seed: 1, stream: 0, training }), x);
  const y = dropout(x, 1, { seed: 1, stream: 0, training });
  backward(sum(y));
  assert.equal(await y.data(), new Float32Array(10));
  assert.equal(await (x.grad as Tensor).data(), new Float32Array(10));
  refuses(() => dropout(x, 1.5, { seed: 1, stream: 0, training }), /expected a probability, found 1.5/);
});

test.run();
