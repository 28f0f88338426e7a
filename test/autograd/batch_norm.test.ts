import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Activation,
  add,
  avgPool2d,
  type BatchNormTensors,
  backward,
  batchNorm,
  batchNormAvgPool2d,
  batchNormConv2d,
  conv2d,
  elu,
  empty,
  gelu,
  gradcheck,
  leakyRelu,
  mul,
  relu,
  relu6,
  sigmoid,
  sliceChannels,
  sum,
  swish,
  type Tensor,
  tanh,
  tensor,
} from '../../src/autograd';
import { Fixture } from '../goldens/fixture';
import { judge, line, passed } from '../goldens/run';
import { device } from '../gpu';
import { columnsOf, eachVariant, goldens, near, random, refuses } from './helpers';

const test = suite('batch_norm');
goldens(test, 'batchnorm');

const TRAINING = { training: true } as const;
/** Each activation that can be folded in, as an op of its own. */
const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  none: (x) => x,
  relu,
  leakyRelu: (x) => leakyRelu(x),
  elu: (x) => elu(x),
  sigmoid,
  tanh,
  relu6,
  gelu,
  swish,
};
const NAMES = Object.keys(ACTIVATIONS) as Activation[];
/** Those with a kink, where differences are no derivative. */
const KINKED: readonly Activation[] = ['relu', 'leakyRelu', 'relu6'];

const normOf = (channels: number): BatchNormTensors => ({
  weight: random('weight', [channels], { scale: 0.5, offset: 1 }),
  bias: random('bias', [channels], { scale: 0.5 }),
  runningMean: random('running_mean', [channels], { scale: 0.1, requiresGrad: false }),
  runningVar: random('running_var', [channels], { scale: 0.2, offset: 1, requiresGrad: false }),
});

test('as on a GPU, where lanes share the rows of a column: the same goldens', async () => {
  const files = readdirSync('test/golden/ops').filter((f) => f.startsWith('batchnorm_train'));
  assert.ok(files.length > 5);
  Object.assign(device, { software: false });
  try {
    for (const f of files) {
      const verdict = await judge(Fixture.parse(f, readFileSync(`test/golden/ops/${f}`)), { device });
      assert.ok(passed(verdict), line(verdict));
    }
    const x = random('shared', [3, 8, 5, 5]);
    const launches = device.launchesOf(() => {
      backward(sum(batchNorm(x, normOf(8), TRAINING, 'relu')));
    });
    const names = launches.map(({ label }) => label.split(' ')[0]).filter((name) => name.startsWith('batch_norm'));
    assert.equal(names, ['batch_norm.prepare_few', 'batch_norm.apply', 'batch_norm.backward_few']);
  } finally {
    Object.assign(device, { software: true });
  }
});

/** Batch norm in double precision over rows of pixels: mean, biased variance, result. */
function reference(x: Float32Array, shape: readonly number[], weight: Float32Array, bias: Float32Array) {
  const [n, c, ...map] = shape;
  const pixels = map.reduce((a, b) => a * b, 1);
  const channel = (i: number): number => Math.floor(i / pixels) % c;
  const [mean, variance] = [new Float64Array(c), new Float64Array(c)];
  x.forEach((v, i) => {
    mean[channel(i)] += v / (n * pixels);
  });
  x.forEach((v, i) => {
    variance[channel(i)] += (v - mean[channel(i)]) ** 2 / (n * pixels);
  });
  const y = Float64Array.from(x, (v, i) => {
    const k = channel(i);
    return ((v - mean[k]) / Math.sqrt(variance[k] + 1e-5)) * weight[k] + bias[k];
  });
  return { mean, variance, y };
}

test('training: result and running statistics, scalar and vector channels, maps and matrices', async () => {
  for (const shape of [
    [2, 3, 5, 4],
    [3, 8, 3, 3],
    [6, 5],
    [1, 4, 40, 33],
  ]) {
    const [x, bn] = [random('x', shape, { scale: 2, offset: 30 }), normOf(shape[1])];
    const [mean0, var0] = [await bn.runningMean.data(), await bn.runningVar.data()];
    const expected = reference(await x.data(), shape, await bn.weight.data(), await bn.bias.data());
    near(await batchNorm(x, bn, { training: true, momentum: 0.3 }).data(), expected.y, 2e-6, `${shape}`);
    const n = x.size / shape[1];
    near(
      await bn.runningMean.data(),
      mean0.map((m, i) => 0.7 * m + 0.3 * expected.mean[i]),
      1e-6,
    );
    near(
      await bn.runningVar.data(),
      var0.map((v, i) => 0.7 * v + (0.3 * expected.variance[i] * n) / (n - 1)),
      1e-6,
    );
  }
});

/** What is hard in float32: next to no rows, a mean far from 0, a deviation far from 1, a constant channel, sums that cancel. */
const HARD: readonly {
  shape: readonly number[];
  scale?: number;
  offset?: number;
  constant?: boolean;
  limit?: number;
}[] = [
  ...[2, 3, 5].flatMap((rows) => [{ shape: [rows, 6] }, { shape: [rows, 8], offset: 100 }]),
  { shape: [2, 5], scale: 0.05 },
  { shape: [3, 4, 5, 3], constant: true },
  { shape: [5, 4, 8, 7], offset: -80 },
  { shape: [7, 2, 9, 9], offset: 1000 },
  { shape: [1, 9, 40, 29], scale: 50 },
  { shape: [2, 3, 33, 31], scale: 1e-3 },
  { shape: [35, 2, 12, 12], offset: 0.3 },
  // Beyond 65,536 elements the sums are float32's within 64 rows.
  { shape: [5, 4, 61, 70], offset: 100, limit: 6e-7 },
  { shape: [9, 3, 60, 64], scale: 1e3, constant: true, limit: 6e-7 },
];

/** Gradients of batch norm in training, in double precision, for the gradient `up` of its result. */
function referenceGradients(x: Float32Array, up: Float32Array, shape: readonly number[], weight: Float32Array) {
  const c = shape[1];
  const pixels = x.length / shape[0] / c;
  const n = shape[0] * pixels;
  const channel = (i: number): number => Math.floor(i / pixels) % c;
  const { y: xhat, variance } = reference(x, shape, new Float32Array(c).fill(1), new Float32Array(c));
  const [dgamma, dbeta] = [new Float64Array(c), new Float64Array(c)];
  up.forEach((g, i) => {
    dgamma[channel(i)] += g * xhat[i];
    dbeta[channel(i)] += g;
  });
  const dx = Float64Array.from(up, (g, i) => {
    const k = channel(i);
    return (weight[k] / Math.sqrt(variance[k] + 1e-5)) * (g - dbeta[k] / n - (xhat[i] * dgamma[k]) / n);
  });
  return { dx, dgamma, dbeta };
}

test('hard cases are as good as a rounded double precision result', async () => {
  for (const { shape, scale = 1, offset = 0, constant = false, limit = 3e-7 } of HARD)
    for (let draw = 0; draw < (limit > 3e-7 ? 1 : 4); draw++) {
      const what = `[${shape}] ${offset} +- ${scale}${constant ? ', one channel constant' : ''}, draw ${draw}`;
      const [c, n] = [shape[1], shape[0] * shape.slice(2).reduce((a, b) => a * b, 1)];
      const values = await random(`x ${what}`, shape, { scale, offset }).data();
      const pixels = n / shape[0];
      const given = constant ? values.map((v, i) => (Math.floor(i / pixels) % c === 0 ? 0.375 : v)) : values;
      const [x, bn] = [tensor(device, given, shape, { requiresGrad: true }), normOf(c)];
      const up = random(`up ${what}`, shape, { requiresGrad: false });
      const [mean0, var0] = [await bn.runningMean.data(), await bn.runningVar.data()];
      const y = batchNorm(x, bn, TRAINING).retain();
      backward(y, up);

      const weight = await bn.weight.data();
      const forward = reference(given, shape, weight, await bn.bias.data());
      near(await y.data(), forward.y, limit, `${what}: y`);
      const running = (was: Float32Array, now: Float64Array) => was.map((v, i) => 0.9 * v + 0.1 * now[i]);
      near(await bn.runningMean.data(), running(mean0, forward.mean), limit, `${what}: running mean`);
      const unbiased = forward.variance.map((v) => (v * n) / (n - 1));
      near(await bn.runningVar.data(), running(var0, unbiased), limit, `${what}: running variance`);
      const expected = referenceGradients(given, await up.data(), shape, weight);
      near((await x.grad?.data()) ?? [], expected.dx, limit, `${what}: gradient of x`);
      near((await bn.weight.grad?.data()) ?? [], expected.dgamma, limit, `${what}: gradient of weight`);
      near((await bn.bias.grad?.data()) ?? [], expected.dbeta, limit, `${what}: gradient of bias`);
    }
});

test('gradients of input, weight and bias, training and evaluation, each activation', async () => {
  for (const shape of [
    [3, 3, 2, 3],
    [2, 4, 3, 3],
    [7, 5],
  ])
    for (const training of [true, false])
      for (const activation of NAMES) {
        const bn = normOf(shape[1]);
        // With this bias every value is far on the positive or, where weight < 0.75, mostly so.
        const bias = random('bias', [shape[1]], { scale: 0.5, offset: KINKED.includes(activation) ? 8 : 0 });
        await gradcheck(
          (x, weight, b) => batchNorm(x, { ...bn, weight, bias: b }, { training }, activation),
          [random('x', shape), bn.weight, bias],
          { samples: 12, eps: 5e-3 },
        );
      }
});

test('evaluation uses the running statistics and leaves them', async () => {
  const [x, bn] = [random('x', [2, 3, 2, 2]), normOf(3)];
  const [values, mean, variance] = [await x.data(), await bn.runningMean.data(), await bn.runningVar.data()];
  const [weight, bias] = [await bn.weight.data(), await bn.bias.data()];
  const y = await batchNorm(x, bn, { training: false }).data();
  const k = (i: number): number => Math.floor(i / 4) % 3;
  const expected = values.map(
    (v, i) => ((v - mean[k(i)]) / Math.sqrt(variance[k(i)] + 1e-5)) * weight[k(i)] + bias[k(i)],
  );
  near(y, expected, 1e-6);
  assert.equal([await bn.runningMean.data(), await bn.runningVar.data()], [mean, variance]);
});

test('activations are those of the ops', async () => {
  for (const activation of NAMES) {
    const [x, bn] = [random('x', [2, 5, 3, 3]), normOf(5)];
    const fused = batchNorm(x, bn, TRAINING, activation);
    near(await fused.data(), await ACTIVATIONS[activation](batchNorm(x, bn, TRAINING)).data(), 1e-6, activation);
  }
});

interface Gradients {
  readonly y: Float32Array;
  readonly grads: Float32Array[];
}

/** Forward and backward of `fn` from the same start: the result and all gradients. */
async function both(
  fn: (x: Tensor, bn: BatchNormTensors, w: Tensor, b: Tensor) => Tensor,
  channels: number,
  [n, h, w_]: readonly number[] = [2, 6, 5],
  kernel = 3,
): Promise<Gradients> {
  const [x, bn] = [random('x', [n, channels, h, w_]), normOf(channels)];
  const [w, b] = [random('w', [6, channels, kernel, kernel], { layout: 'taps' }), random('b', [6])];
  const y = fn(x, bn, w, b).retain();
  backward(y, random('up', y.shape, { requiresGrad: false }));
  const leaves = [x, bn.weight, bn.bias, w, b];
  return {
    y: await y.data(),
    grads: await Promise.all(leaves.map(async (t) => (await t.grad?.data()) ?? new Float32Array(t.size))),
  };
}

/** Channels, and images, height, width: on the large ones the gradients of a 1x1 kernel go through the norm as the convolution makes them. */
const SMALL: readonly [number, number[]][] = [3, 8].map((channels) => [channels, [2, 6, 5]]);
const LARGE: readonly [number, number[]][] = [
  [3, [5, 70, 65]],
  [12, [2, 53, 61]],
];
const MODES = [true, false].flatMap((training) =>
  (['none', 'relu', 'elu'] as const).map((activation) => ({ training, activation })),
);

test('batch norm in the load of a convolution equals the two apart, every variant', async () => {
  await eachVariant(async (variant) => {
    const cases: { on: (typeof LARGE)[number]; training: boolean; activation: Activation; kernel?: 1 }[] = [
      ...SMALL.flatMap((on) => MODES.map((mode) => ({ on, ...mode }))),
      ...(['leakyRelu', 'sigmoid', 'gelu'] as const).map((activation) => ({
        on: SMALL[1],
        training: true,
        activation,
      })),
      { on: LARGE[0], training: false, activation: 'elu' },
      { on: LARGE[1], training: true, activation: 'relu' },
      ...[true, false].flatMap((training) =>
        LARGE.map((on): (typeof cases)[number] => ({ on, training, activation: 'elu', kernel: 1 })),
      ),
    ];
    for (const { on, training, activation, kernel = 3 } of cases) {
      const [channels, map] = on;
      const options = kernel === 1 ? {} : { stride: 2, padding: 1 };
      const apart = await both(
        (x, bn, w, b) => conv2d(batchNorm(x, bn, { training }, activation), w, b, options),
        channels,
        map,
        kernel,
      );
      const fused = await both(
        (x, bn, w, b) => batchNormConv2d(x, bn, { training }, activation, w, b, options),
        channels,
        map,
        kernel,
      );
      const what = `${variant} ${kernel}x${kernel} ${channels} x ${map} ${activation} ${training ? 'training' : 'evaluation'}`;
      near(fused.y, apart.y, 2e-6, what);
      fused.grads.forEach((g, i) => {
        near(g, apart.grads[i], 5e-6, `${what}, gradient ${i}`);
      });
    }
  });
});

test('norms that share an input: what each owes its gradient adds up, leaf or not; one of running statistics owes nothing; every variant', async () => {
  const parts = [0, 4, 6, 12].map((from, i) => ({
    from,
    options: { training: i !== 2 },
    bn: normOf(8),
    w: random(`w${i}`, [4, 8, 1, 1], { layout: 'taps' }),
  }));
  const up = random('up', [3, 4, 40, 71], { requiresGrad: false });
  const gradients = async (fused: boolean, leaf: boolean): Promise<Float32Array[]> => {
    const given = random('x', [3, 20, 40, 71], { scale: 2, offset: 50 });
    const x = leaf ? given : mul(given, 1);
    const sums = parts.map(({ from, options, bn, w }) => {
      const part = sliceChannels(x, from, from + 8);
      const y = fused
        ? batchNormConv2d(part, bn, options, 'elu', w, null, {})
        : conv2d(batchNorm(part, bn, options, 'elu'), w, null, {});
      return sum(mul(y, up));
    });
    backward(sums.reduce((a, b) => add(a, b)));
    const leaves = [given, ...parts.flatMap(({ bn }) => [bn.weight, bn.bias])];
    const grads = await Promise.all(leaves.map(async (t) => (await t.grad?.data()) ?? new Float32Array()));
    for (const t of leaves) t.value.dropGrad();
    return grads;
  };
  await eachVariant(async (variant) => {
    for (const leaf of variant === 'plain' ? [true] : [false]) {
      const [apart, fused] = [await gradients(false, leaf), await gradients(true, leaf)];
      fused.forEach((g, i) => {
        near(g, apart[i], 2e-6, `${variant}, ${leaf ? 'leaf' : 'made'}, gradient ${i}`);
      });
    }
  });
});

test('batch norm with a 2x2 average pool equals the two apart', async () => {
  for (const channels of [3, 8])
    for (const activation of ['none', 'relu', 'elu'] as const) {
      const apart = await both((x, bn) => avgPool2d(batchNorm(x, bn, TRAINING, activation), { kernel: 2 }), channels);
      const fused = await both((x, bn) => batchNormAvgPool2d(x, bn, TRAINING, activation), channels);
      near(fused.y, apart.y, 2e-6, activation);
      fused.grads.forEach((g, i) => {
        near(g, apart.grads[i], 5e-6, `${activation}, gradient ${i}`);
      });
    }
});

test('gradient check of the fused convolution, through a slice into a slice', async () => {
  const bn = normOf(5);
  const w = random('w', [4, 5, 3, 3], { layout: 'taps' });
  await gradcheck(
    (x, weight, kernel) => {
      const all = empty(device, [2, 9, 3, 3]);
      const out = sliceChannels(all, 4, 8);
      return batchNormConv2d(sliceChannels(x, 2, 7), { ...bn, weight }, TRAINING, 'elu', kernel, null, {
        padding: 1,
        out,
      });
    },
    [random('x', [2, 8, 3, 3]), bn.weight, w],
    { samples: 12, eps: 5e-3 },
  );
});

test('a slice is normalised as if it were alone; statistics are computed once a channel', async () => {
  const wide = random('wide', [2, 10, 3, 3], { scale: 3 });
  const values = await wide.data();
  const part = (from: number, to: number): Float32Array =>
    values.filter((_, i) => Math.floor(i / 9) % 10 >= from && Math.floor(i / 9) % 10 < to);
  for (const [from, to] of [
    [0, 4],
    [0, 8],
    [3, 10],
  ]) {
    const bn = normOf(to - from);
    const expected = reference(part(from, to), [2, to - from, 3, 3], await bn.weight.data(), await bn.bias.data());
    near(await batchNorm(sliceChannels(wide, from, to), bn, TRAINING).data(), expected.y, 1e-6, `${from} to ${to}`);
  }
  const bn = normOf(10);
  const before = device.stats().dispatches;
  batchNorm(wide, bn, TRAINING);
  assert.is(device.stats().dispatches - before, 2, 'all channels are known: prepare and apply');
});

test('writing to a tensor forgets its statistics', async () => {
  const [x, bn] = [random('x', [4, 3]), normOf(3)];
  await batchNorm(x, bn, TRAINING).data();
  const other = random('other', [4, 3]);
  x.write(await other.data());
  near(await batchNorm(x, bn, TRAINING).data(), await batchNorm(other, bn, TRAINING).data(), 0);
});

test('whoever writes a tensor makes its statistics anew: an op into a slice, twice; and what shares its memory', async () => {
  const bn = normOf(4);
  const weights = ['one', 'two'].map((name) => random(name, [4, 3, 1, 1], { layout: 'taps', requiresGrad: false }));
  const image = random('image', [2, 3, 3, 3], { requiresGrad: false });
  const wide = random('wide', [2, 8, 3, 3], { requiresGrad: false });
  const [left, right] = [sliceChannels(wide, 0, 4), sliceChannels(wide, 4, 8)];
  const fresh = async (t: Tensor): Promise<Float32Array> =>
    batchNorm(tensor(device, await t.data(), t.shape), bn, TRAINING).data();
  const beside = await batchNorm(right, bn, TRAINING).data();
  for (const w of weights) {
    conv2d(image, w, null, { out: left });
    near(await batchNorm(left, bn, TRAINING).data(), await fresh(left), 0);
  }
  const before = device.stats().dispatches;
  near(await batchNorm(right, bn, TRAINING).data(), beside, 0);
  assert.is(device.stats().dispatches - before, 2, 'the other columns are still known');

  // detach() before and after statistics were made; either side writes.
  const x = random('x', [4, 4], { requiresGrad: false });
  const early = x.detach();
  await batchNorm(x, bn, TRAINING).data();
  const late = x.detach();
  for (const [i, writer] of [x, early, late].entries()) {
    writer.write(await random(`other ${i}`, [4, 4]).data());
    for (const reader of [early, x, late])
      near(await batchNorm(reader, bn, TRAINING).data(), await fresh(x), 0, `written ${i}`);
  }
});

test('two norms of one input: gradients add up', async () => {
  const [a, b] = [normOf(4), normOf(4)];
  await gradcheck(
    (x, weight) =>
      add(batchNorm(x, { ...a, weight }, TRAINING, 'elu'), mul(batchNorm(x, { ...b, weight }, TRAINING), 2)),
    [random('x', [3, 4, 2, 2]), a.weight],
    { eps: 5e-3 },
  );
  const wide = random('wide', [3, 6]);
  const bn = normOf(4);
  await gradcheck((t) => batchNorm(sliceChannels(t, 2, 6), bn, TRAINING), [wide], { eps: 5e-3 });
  wide.value.dropGrad();
  backward(sum(batchNorm(sliceChannels(wide, 2, 6), bn, { training: false })));
  const inside = await (sliceChannels(wide, 2, 6).grad as Tensor).data();
  assert.is(inside.length, columnsOf(await wide.data(), 6, 2, 6).length);
  assert.equal(Array.from(await (sliceChannels(wide, 0, 2).grad as Tensor).data()), new Array(6).fill(0));
});

test('shapes that do not fit', () => {
  const bn = normOf(4);
  refuses(
    () => batchNorm(random('x', [2, 3, 2, 2]), bn, TRAINING),
    /x\[2x3x2x2\] has 3 channels: expected \[3\], found weight\[4\]/,
  );
  refuses(
    () => batchNorm(random('x', [1, 4]), bn, TRAINING),
    /more than 1 value per channel when training, found x\[1x4\]/,
  );
  refuses(() => batchNorm(random('x', [4]), bn, TRAINING), /layout rows/);
  refuses(() => batchNormAvgPool2d(random('x', [2, 4, 1, 3]), bn, TRAINING, 'relu'), /at least 2x2 pixels/);
  assert.not.throws(() => batchNorm(random('x', [1, 4]), bn, { training: false }));
});

test.run();
