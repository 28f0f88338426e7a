import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  backward,
  batchNorm,
  batchNormConv2d,
  type Conv2dOptions,
  conv2d,
  empty,
  gradcheck,
  half,
  mul,
  samePadding,
  sliceChannels,
  sum,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { sides } from '../../src/autograd/ops/conv2d';
import { golden } from '../faces/goldens';
import { givenShared, SHARED } from '../given';
import { device } from '../gpu';
import { near, random, refuses } from './helpers';

const test = suite('conv2d: groups, dilation, one-sided padding');

interface Shape {
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly options: Conv2dOptions;
}

interface Results {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dw: Float64Array;
}

const pair = (v: number | readonly [number, number] = 1) => (typeof v === 'number' ? [v, v] : v);

/** PyTorch's conv2d without bias, and its gradients for the upstream gradient `up`, in double precision. */
function reference(
  { x: shape, w: kernel, options }: Shape,
  x: Float32Array,
  w: Float32Array,
  up?: Float32Array,
): Results {
  const [n, ci, h, width] = shape;
  const [co, members, kh, kw] = kernel;
  const [[sh, sw], [dh, dw]] = [pair(options.stride), pair(options.dilation)];
  const [top, bottom, left, right] = sides(options.padding ?? 0);
  const oh = Math.floor((h + top + bottom - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((width + left + right - dw * (kw - 1) - 1) / sw) + 1;
  const r = { y: new Float64Array(n * co * oh * ow), dx: new Float64Array(x.length), dw: new Float64Array(w.length) };
  const each = co / (options.groups ?? 1);
  r.y.forEach((_, i) => {
    const [ox, oy] = [i % ow, Math.floor(i / ow) % oh];
    const [o, image] = [Math.floor(i / ow / oh) % co, Math.floor(i / ow / oh / co)];
    for (let m = 0; m < members; m++)
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++) {
          const [iy, ix] = [oy * sh - top + ky * dh, ox * sw - left + kx * dw];
          if (iy < 0 || iy >= h || ix < 0 || ix >= width) continue;
          const at = ((image * ci + Math.floor(o / each) * members + m) * h + iy) * width + ix;
          const tap = ((o * members + m) * kh + ky) * kw + kx;
          r.y[i] += w[tap] * x[at];
          r.dx[at] += w[tap] * (up?.[i] ?? 0);
          r.dw[tap] += x[at] * (up?.[i] ?? 0);
        }
  });
  return r;
}

// Depthwise of scalar and vector loads; groups that hold fours and odd numbers; the ordinary path, dilated and padded by side.
const SHAPES: Shape[] = [
  { x: [2, 3, 5, 4], w: [3, 1, 3, 3], options: { padding: 1, groups: 3 } },
  { x: [1, 8, 7, 6], w: [8, 1, 3, 3], options: { padding: 1, groups: 8 } },
  { x: [3, 8, 9, 7], w: [8, 1, 3, 3], options: { stride: 2, padding: [0, 1, 0, 1], groups: 8 } },
  { x: [1, 5, 6, 9], w: [5, 1, 5, 2], options: { stride: [1, 3], padding: [3, 0, 1, 2], groups: 5 } },
  { x: [1, 260, 5, 3], w: [260, 1, 3, 3], options: { padding: 2, dilation: 2, groups: 260 } },
  { x: [1, 4, 3, 3], w: [12, 1, 3, 3], options: { padding: 1, groups: 4 } },
  { x: [2, 4, 7, 5], w: [32, 1, 3, 3], options: { padding: 1, stride: 2, groups: 4 } },
  { x: [2, 4, 5, 6], w: [6, 2, 3, 3], options: { padding: [1, 2], groups: 2 } },
  {
    x: [1, 6, 8, 7],
    w: [24, 2, 3, 1],
    options: { stride: [2, 1], dilation: [2, 1], padding: [2, 1, 0, 0], groups: 3 },
  },
  { x: [2, 6, 4, 4], w: [4, 3, 1, 1], options: { groups: 2 } },
  { x: [2, 3, 9, 8], w: [5, 3, 3, 3], options: { dilation: [2, 3], padding: 2 } },
  { x: [1, 4, 11, 7], w: [8, 4, 3, 2], options: { dilation: 2, stride: 2, padding: [0, 3, 2, 1] } },
  { x: [2, 8, 6, 5], w: [8, 8, 3, 3], options: { stride: 2, padding: [0, 1, 0, 1] } },
  { x: [1, 4, 4, 5], w: [8, 4, 1, 1], options: { padding: [0, 2, 0, 1] } },
];

// Depthwise rows that several lanes walk on a GPU; a stride over taps that are apart; a window that no lane holds.
const WALKS: Shape[] = [
  { x: [1, 4, 5, 37], w: [4, 1, 3, 3], options: { stride: [1, 2], padding: [0, 1, 2, 0], groups: 4 } },
  { x: [1, 4, 11, 9], w: [4, 1, 3, 3], options: { stride: 2, dilation: 2, padding: [2, 1], groups: 4 } },
  { x: [1, 4, 7, 8], w: [4, 1, 7, 7], options: { padding: 3, groups: 4 } },
];

const operands = ({ x, w }: Shape): [Tensor, Tensor] => [random('x', x), random('w', w, { layout: 'taps' })];

/** The largest difference of sums of some hundred products in float32, by the numbers' size: 2^-24 times their count's root. */
const TOLERANCE = 2e-6;

test('result and gradients are those of double precision', async () => {
  for (const s of [...SHAPES, ...WALKS]) {
    const [x, w] = operands(s);
    const y = conv2d(x, w, null, s.options);
    const up = random('up', y.shape, { requiresGrad: false });
    backward(sum(mul(y, up)));
    const expected = reference(s, await x.data(), await w.data(), await up.data());
    const name = JSON.stringify(s);
    near(await y.data(), expected.y, TOLERANCE, name);
    near(await (x.grad as Tensor).data(), expected.dx, TOLERANCE, `${name} dx`);
    near(await (w.grad as Tensor).data(), expected.dw, TOLERANCE, `${name} dw`);
  }
});

test('with bias and behind a norm: gradients are the slopes', async () => {
  for (const s of SHAPES) {
    const [x, w] = operands(s);
    const c = s.x[1];
    await gradcheck((...t) => conv2d(t[0], t[1], t[2], s.options), [x, w, random('b', [s.w[0]])], { samples: 6 });
    const [gamma, beta] = [random('gamma', [c], { offset: 1.5 }), random('beta', [c])];
    const still = { requiresGrad: false };
    const [runningMean, runningVar] = [random('mean', [c], still), random('var', [c], { ...still, offset: 2 })];
    const bn = { weight: gamma, bias: beta, runningMean, runningVar };
    for (const training of [true, false]) {
      const fused = batchNormConv2d(x, bn, { training }, 'elu', w, null, s.options);
      const apart = conv2d(batchNorm(x, bn, { training }, 'elu'), w, null, s.options);
      const results: Float32Array[][] = [];
      const up = random('up', fused.shape, still);
      for (const y of [fused, apart]) {
        for (const t of [x, w, gamma, beta]) t.value.dropGrad();
        backward(sum(mul(y, up)));
        results.push(
          await Promise.all(
            [y, x.grad, w.grad, gamma.grad, beta.grad].map((t) => (t as Tensor).data() as Promise<Float32Array>),
          ),
        );
      }
      results[0].forEach((got, i) => {
        near(got, Float64Array.from(results[1][i]), 5e-6, `${JSON.stringify(s)}, tensor ${i}`);
      });
    }
  }
});

test('a norm, its activation and a convolution of groups in one: gradients are the slopes', async () => {
  for (const s of SHAPES.filter(({ options }) => (options.groups ?? 1) > 1)) {
    const [x, w] = operands(s);
    const c = s.x[1];
    const still = { requiresGrad: false };
    const [runningMean, runningVar] = [random('mean', [c], still), random('var', [c], { ...still, offset: 2 })];
    const inputs = [x, w, random('gamma', [c], { offset: 1.5 }), random('beta', [c]), random('b', [s.w[0]])];
    for (const training of [true, false])
      await gradcheck(
        (x, w, weight, bias, b) =>
          batchNormConv2d(x, { weight, bias, runningMean, runningVar }, { training }, 'swish', w, b, s.options),
        inputs,
        { samples: 4 },
      );
  }
});

// What TensorFlow's SAME needs of float32: sums of nine products.
givenShared(test, 'face_weights')(
  'depthwise with SAME padding, even and odd maps, is that of double precision',
  async () => {
    const { numbers, shape, metadata } = golden('ops', `${SHARED}/face_weights`);
    for (let i = 0; i < 5; i++) {
      const leaf = (name: string): Tensor =>
        tensor(device, Float32Array.from(numbers(`${i}.${name}`)), shape(`${i}.${name}`), {
          requiresGrad: name !== 'up',
          layout: name === 'w' ? 'taps' : name === 'b' ? 'plain' : 'rows',
        });
      const [x, w, b, up] = ['x', 'w', 'b', 'up'].map(leaf);
      const [, groups, height, width] = x.shape;
      const { stride } = JSON.parse(metadata[i]) as { stride: number };
      const y = conv2d(x, w, b, { groups, stride, padding: samePadding([height, width], 3, stride) });
      backward(sum(mul(y, up)));
      near(await y.data(), numbers(`${i}.out`), TOLERANCE, `${i}`);
      for (const [name, t] of Object.entries({ x, w, b }))
        near(await (t.grad as Tensor).data(), numbers(`${i}.grad.${name}`), TOLERANCE, `${i} grad.${name}`);
    }
  },
);

test('slices of channels in and out; gradients add up', async () => {
  for (const from of [0, 4, 3]) {
    const s: Shape = { x: [2, 8, 5, 4], w: [8, 1, 3, 3], options: { padding: 1, groups: 8 } };
    const wide = random('wide', [2, 12, 5, 4]);
    const w = random('w', s.w, { layout: 'taps' });
    const all = empty(device, [2, 16, 5, 4]);
    const x = sliceChannels(wide, from, from + 8);
    const y = conv2d(x, w, null, { ...s.options, out: sliceChannels(all, from, from + 8) });
    near(await y.data(), reference(s, await x.data(), await w.data()).y, TOLERANCE, `from ${from}`);
    await gradcheck(
      (t, u) => {
        const once = conv2d(sliceChannels(t, from, from + 8), u, null, s.options);
        return mul(conv2d(once, u, null, s.options), conv2d(sliceChannels(t, 0, 8), u, null, s.options));
      },
      [wide, w],
      { samples: 8 },
    );
  }
});

test('activations stored as f16', async () => {
  for (const s of SHAPES.slice(0, 10)) {
    const [x, w] = operands(s);
    const rounded = half(x);
    const y = conv2d(rounded, w, null, s.options);
    assert.is(y.dtype, 'f16');
    const up = random('up', y.shape, { requiresGrad: false });
    backward(sum(mul(y, half(up))));
    const expected = reference(s, await rounded.data(), await w.data(), await half(up).data());
    // Half of f16's last place, of values and of the gradients that they are made of.
    near(await y.data(), expected.y, 1e-3, JSON.stringify(s));
    near(await (x.grad as Tensor).data(), expected.dx, 2e-3, `${JSON.stringify(s)} dx`);
    near(await (w.grad as Tensor).data(), expected.dw, 2e-3, `${JSON.stringify(s)} dw`);
  }
});

test('a weight gradient over thousands of pixels keeps its digits', async () => {
  const x = random('x', [4, 2, 64, 64], { offset: 1 });
  const w = random('w', [2, 1, 1, 1], { layout: 'taps' });
  backward(sum(conv2d(x, w, null, { groups: 2 })));
  const values = await x.data();
  const expected = [0, 1].map((c) => values.reduce((s, v, i) => s + (Math.floor(i / 4096) % 2 === c ? v : 0), 0));
  near(await (w.grad as Tensor).data(), expected, 2e-7);
});

test('SAME: as many pixels as ceil(size / stride), the odd zero behind', () => {
  assert.equal(samePadding([8, 8], 3, 1), [1, 1, 1, 1]);
  assert.equal(samePadding([8, 7], 3, 2), [0, 1, 1, 1]);
  assert.equal(samePadding([5, 1], 2, 2), [0, 1, 0, 1]);
  assert.equal(samePadding([9, 4], 1, 2), [0, 0, 0, 0]);
});

test('options that do not fit', () => {
  const [x, w] = [random('x', [1, 6, 4, 4]), random('w', [6, 2, 3, 3], { layout: 'taps' })];
  const run = (options: Conv2dOptions) => () => conv2d(x, w, null, options);
  refuses(run({ groups: 2 }), /weight expects 4 channels in 2 groups, x has 6/);
  refuses(run({ groups: 4 }), /4 groups must divide the channels, 6 in and 6 out/);
  refuses(run({ groups: 0 }), /groups must be at least 1, found 0/);
  refuses(run({ groups: 1.5 }), /groups must be at least 1, found 1.5/);
  refuses(run({ groups: 3, dilation: 0 }), /dilation must be at least 1/);
  refuses(run({ groups: 3, dilation: 2 }), /kernel 5x5 is larger than the padded image/);
  refuses(run({ groups: 3, padding: [0, 1, -1, 0] }), /padding must not be negative/);
  assert.equal(conv2d(x, w, null, { groups: 3, padding: [0, 1, 2, 0] }).shape, [1, 6, 3, 4]);
});

test.run();
