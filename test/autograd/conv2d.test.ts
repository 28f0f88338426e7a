import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, backward, conv2d, empty, gradcheck, sliceChannels, sum, type Tensor } from '../../src/autograd';
import { device } from '../gpu';
import { counting, eachVariant, goldens, near, random, refuses } from './helpers';

const test = suite('conv2d');
goldens(test, 'conv2d');

interface Shape {
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly options: { stride?: number | readonly [number, number]; padding?: number | readonly [number, number] };
}

// Odd and even channels (scalar and vector loads), maps that no tile divides, windows that are not square.
const SHAPES: Shape[] = [
  { x: [2, 3, 5, 4], w: [5, 3, 3, 3], options: { padding: 1 } },
  { x: [1, 4, 7, 6], w: [8, 4, 3, 3], options: { stride: 2, padding: 1 } },
  { x: [3, 8, 3, 3], w: [4, 8, 1, 1], options: {} },
  { x: [1, 5, 4, 4], w: [3, 5, 1, 1], options: { stride: 2 } },
  { x: [1, 2, 6, 9], w: [3, 2, 1, 4], options: { stride: [1, 3], padding: [0, 2] } },
  { x: [2, 1, 5, 5], w: [1, 1, 5, 5], options: {} },
];

/** PyTorch's conv2d in double precision. */
function reference(x: Float32Array, w: Float32Array, b: Float32Array | null, s: Shape): Float64Array {
  const [n, ci, h, width] = s.x;
  const [co, , kh, kw] = s.w;
  const two = (v: number | readonly [number, number] | undefined, none: number) =>
    v === undefined ? [none, none] : typeof v === 'number' ? [v, v] : v;
  const [[sh, sw], [ph, pw]] = [two(s.options.stride, 1), two(s.options.padding, 0)];
  const [oh, ow] = [Math.floor((h + 2 * ph - kh) / sh) + 1, Math.floor((width + 2 * pw - kw) / sw) + 1];
  return Float64Array.from({ length: n * co * oh * ow }, (_, i) => {
    const [ox, oy] = [i % ow, Math.floor(i / ow) % oh];
    const [o, image] = [Math.floor(i / ow / oh) % co, Math.floor(i / ow / oh / co)];
    let total = b?.[o] ?? 0;
    for (let c = 0; c < ci; c++)
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++) {
          const [iy, ix] = [oy * sh - ph + ky, ox * sw - pw + kx];
          if (iy < 0 || iy >= h || ix < 0 || ix >= width) continue;
          total += w[((o * ci + c) * kh + ky) * kw + kx] * x[((image * ci + c) * h + iy) * width + ix];
        }
    return total;
  });
}

const operands = ({ x, w }: Shape): [Tensor, Tensor, Tensor] => [
  random('x', x),
  random('w', w, { layout: 'taps' }),
  random('b', [w[0]]),
];

test('every variant computes it, with and without bias', async () => {
  await eachVariant(async (variant) => {
    for (const s of SHAPES) {
      const [x, w, b] = operands(s);
      const [xs, ws, bs] = await Promise.all([x, w, b].map((t) => t.data()));
      near(await conv2d(x, w, b, s.options).data(), reference(xs, ws, bs, s), 1e-6, `${variant} ${s.w}`);
      near(await conv2d(x, w, null, s.options).data(), reference(xs, ws, null, s), 1e-6, `${variant} ${s.w} no bias`);
    }
  });
});

test('gradients of input, weight and bias, every variant', async () => {
  await eachVariant(async () => {
    for (const s of SHAPES) await gradcheck((x, w, b) => conv2d(x, w, b, s.options), operands(s), { samples: 12 });
  });
});

test('channel slices as input; the gradient lands in its channels', async () => {
  const wide = random('wide', [2, 12, 4, 3]);
  const weight = random('w', [4, 5, 3, 3], { layout: 'taps' });
  const run = (x: Tensor): Tensor => conv2d(x, weight, null, { padding: 1 });
  for (const from of [0, 4, 7]) {
    await gradcheck((t) => run(sliceChannels(t, from, from + 5)), [wide], { samples: 12 });
    wide.value.dropGrad();
    backward(sum(run(sliceChannels(wide, from, from + 5))));
    const unused = sliceChannels(wide, from === 0 ? 5 : 0, from === 0 ? 12 : from).grad as Tensor;
    assert.ok((await unused.data()).every((g) => g === 0));
  }
});

test('out: layers append their channels to one tensor, gradients gather in it', async () => {
  // A dense block in small: layer k reads all channels before its own, through a bottleneck, and writes the next 4.
  const taps = (name: string, shape: number[]): Tensor => random(name, shape, { layout: 'taps' });
  const start = random('x', [2, 4, 3, 3], { requiresGrad: false });
  const grow = (all: Tensor, from: number, down: Tensor, up: Tensor): void => {
    const bottleneck = conv2d(sliceChannels(all, 0, from), down, null);
    conv2d(bottleneck, up, null, { padding: 1, out: sliceChannels(all, from, from + 4) });
  };
  const block = (w0: Tensor, ...w: Tensor[]): Tensor => {
    const all = empty(device, [2, 12, 3, 3]);
    conv2d(start, w0, null, { out: sliceChannels(all, 0, 4) });
    grow(all, 4, w[0], w[1]);
    grow(all, 8, w[2], w[3]);
    return all;
  };
  const layer = (k: number): Tensor[] => [taps(`down${k}`, [5, 4 * k, 1, 1]), taps(`up${k}`, [4, 5, 3, 3])];
  const weights = [taps('start', [4, 4, 1, 1]), ...layer(1), ...layer(2)];
  await gradcheck(block, weights, { samples: 8 });

  const all = block(...(weights as [Tensor]));
  const inside = sliceChannels(all, 0, 8);
  const s: Shape = { x: [2, 8, 3, 3], w: [5, 8, 1, 1], options: {} };
  const between = reference(await inside.data(), await weights[3].data(), null, s);
  const t: Shape = { x: [2, 5, 3, 3], w: [4, 5, 3, 3], options: { padding: 1 } };
  const expected = reference(Float32Array.from(between), await weights[4].data(), null, t);
  near(await sliceChannels(all, 8, 12).data(), expected, 1e-6);
});

test('out must not lie in the memory that is read', () => {
  const all = empty(device, [1, 8, 2, 2]);
  const w = random('w', [4, 4, 1, 1], { layout: 'taps' });
  assert.throws(
    () => conv2d(sliceChannels(all, 0, 4), w, null, { out: sliceChannels(all, 4, 8) }),
    /conv2d.forward.*: y .* is written and lies in the same memory as x/,
  );
});

test('gradients of one weight used twice add up', async () => {
  const [x, w, b] = [random('x', [1, 4, 3, 3]), random('w', [4, 4, 3, 3], { layout: 'taps' }), random('b', [4])];
  const once = (t: Tensor): Tensor => conv2d(t, w, b, { padding: 1 });
  await gradcheck((t) => add(once(t), once(once(t))), [x], { samples: 12 });
  await gradcheck((u, v) => add(conv2d(x, u, v, { padding: 1 }), conv2d(x, u, v, { padding: 1 })), [w, b], {
    samples: 12,
  });
});

test('a weight gradient over thousands of pixels keeps its digits', async () => {
  const x = random('x', [4, 2, 64, 64], { offset: 1 });
  const w = random('w', [1, 2, 1, 1], { layout: 'taps' });
  backward(sum(conv2d(x, w, null)));
  const values = await x.data();
  const expected = [0, 1].map((c) => values.reduce((s, v, i) => s + (Math.floor(i / 4096) % 2 === c ? v : 0), 0));
  near(await (w.grad as Tensor).data(), expected, 2e-7);
});

test('layout taps: weights go in and come out in PyTorch order', async () => {
  const w = counting([2, 3, 2, 2], { layout: 'taps' });
  assert.equal(
    Array.from(await w.data()),
    Array.from({ length: 24 }, (_, i) => i),
  );
});

test('shapes that do not fit', () => {
  const [x, w] = [random('x', [1, 3, 4, 4]), random('w', [2, 3, 3, 3], { layout: 'taps' })];
  refuses(() => conv2d(x, random('w', [2, 4, 3, 3], { layout: 'taps' }), null), /weight expects 4 channels, x has 3/);
  refuses(() => conv2d(x, random('w', [2, 3, 3, 3]), null), /layout taps/);
  refuses(() => conv2d(random('x', [3, 4]), w, null), /x must be \[N, C, H, W\].*x is x\[3x4\]/);
  refuses(() => conv2d(x, w, random('b', [3])), /bias must be \[2\]/);
  refuses(() => conv2d(x, random('w', [2, 3, 5, 5], { layout: 'taps' }), null), /kernel 5x5 is larger/);
  refuses(() => conv2d(x, w, null, { stride: 0 }), /stride must be at least 1/);
  refuses(() => conv2d(x, w, null, { padding: -1 }), /padding must not be negative/);
  refuses(() => conv2d(x, w, null, { out: empty(device, [1, 2, 4, 4]) }), /the result is 1x2x2x2/);
});

test.run();
