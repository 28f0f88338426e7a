import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { type Device, defineKernel } from '../../src/device';
import { affineImage, meanGray } from '../../src/kernels/affine_image';
import * as batchNorm from '../../src/kernels/batch_norm';
import * as ccc from '../../src/kernels/ccc';
import { copyChannels, zeroChannels } from '../../src/kernels/channels';
import { columnSums } from '../../src/kernels/column_sums';
import * as convPool from '../../src/kernels/conv_pool';
import * as conv from '../../src/kernels/conv2d';
import * as entropy from '../../src/kernels/cross_entropy';
import { dropout } from '../../src/kernels/dropout';
import * as gradNorm from '../../src/kernels/grad_norm';
import * as guard from '../../src/kernels/guard';
import { hash, planOf } from '../../src/kernels/hash';
import type { Matrix } from '../../src/kernels/launch/matrix';
import { lerp } from '../../src/kernels/lerp';
import { matmul, strided, transposed } from '../../src/kernels/matmul';
import * as mse from '../../src/kernels/mse';
import { adam } from '../../src/kernels/optimizer/adam';
import { sgd } from '../../src/kernels/optimizer/sgd';
import { padChannels } from '../../src/kernels/pad_channels';
import * as pointwise from '../../src/kernels/pointwise';
import * as pool from '../../src/kernels/pool';
import { reduce } from '../../src/kernels/reduce';
import * as resize from '../../src/kernels/resize';
import * as shortcut from '../../src/kernels/shortcut';
import { spmm } from '../../src/kernels/spmm';
import { sumParts } from '../../src/kernels/sum_parts';
import { transpose } from '../../src/kernels/transpose';
import { forceVariant, variantsOf } from '../../src/kernels/variant';
import { device as real } from '../gpu';
import { mockDevice } from '../mock_gpu';

// No launch may have more workgroups in a dimension than the device takes: device/fold.ts. On a mock every kernel is launched near
// and beyond the limit; on the real adapter folded launches are held to the numbers of plain ones.
const test = suite('launch limits');

/** Launches every kernel on matrices of `rows` x `channels`, and images of `size` pixels a side. */
function launchAll(device: Device, rows: number, channels: number, n: number, size: number): void {
  device.scope(
    () => {
      const bytes = (count: number) => device.alloc(Math.max(4, count * 4), 'memory');
      const matrix = (r = rows, c = channels): Matrix => ({
        storage: bytes(r * c),
        rows: r,
        channels: c,
        stride: c,
        offset: 0,
        dtype: 'f32',
      });
      const [x, y, dx, dy] = [matrix(), matrix(), matrix(), matrix()];
      const one = bytes(4);
      const row = (): ReturnType<typeof bytes> => bytes(channels * 8);

      meanGray(device, n, size, size, bytes((n * size * size * 3) / 4 + 1), bytes(4 * n));
      affineImage(device, n, size, size, 'f32', 'rgb', {
        images: bytes((n * size * size * 3) / 4 + 1),
        affine: bytes(n * 6),
        flip: bytes(n),
        table: bytes(768),
        y: bytes(n * size * size * 3),
        color: bytes(4 * n),
        erased: bytes(4 * n),
        share: bytes(2),
      });
      for (const accumulate of [true, false]) copyChannels(device, x, y, accumulate);
      zeroChannels(device, dx);
      columnSums(device, x, row(), false);
      const verdict = { storage: bytes(8), scaled: true };
      lerp(device, x.storage, y.storage, one, verdict);
      padChannels(device, x, matrix(rows, channels + 8), 4, false);
      reduce(device, {
        x,
        y,
        kept: [{ size: rows * channels, strides: [1, 1] }],
        accumulate: false,
      });
      reduce(device, {
        x,
        y: { storage: row(), offset: 0, dtype: 'f32' },
        kept: [{ size: channels, strides: [1, 1] }],
        reduced: [{ size: rows, strides: [channels] }],
        accumulate: false,
      });
      const rates = { rates: one, group: 0, verdict };
      sgd(device, { value: x.storage, grad: y.storage, velocity: dx.storage }, rates, false);
      const averages = { average: dx.storage, square: dy.storage, steps: bytes(rows * channels), block: 0 };
      const rest = { betas: [0.9, 0.99] as const, eps: 1e-8, decoupled: true };
      adam(device, { value: x.storage, grad: y.storage, ...averages }, rates, rest);
      sumParts(device, x.storage, y.storage, { size: channels, parts: rows, accumulate: false });
      sumParts(device, x.storage, y.storage, { size: rows * channels, parts: 1, accumulate: false });
      transpose(device, x.storage, y.storage, { batch: 1, rows, columns: channels });
      transpose(device, x.storage, y.storage, { batch: rows, rows: 1, columns: channels });
      transpose(device, x.storage, y.storage, { batch: rows, rows: 4, columns: channels / 4 });
      const sparse = { rowPointers: bytes(rows + 1), columnIndices: bytes(rows), values: bytes(rows) };
      spmm(device, sparse, x, y, false);
      dropout(device, x, y, { seed: one, stream: 1, p: 0.5 }, false);
      gradNorm.clip(device, [x.storage, y.storage], 1, one, null);
      guard.look(device, one, verdict);
      guard.noteFirst(device, x.storage, bytes(1), 1);
      guard.judge(device, [x.storage], verdict, { interval: 2000, stop: true });
      const words = { name: 'x', memory: x.storage, word: 0, words: rows * channels, taps: null };
      hash(device, planOf([words]), bytes(rows * channels), bytes(2));
      mse.forward(device, x, y, one);
      mse.backward(device, x, y, one, dx, false);
      ccc.forward(device, x, y, { ccc: row(), loss: one, moments: bytes(8 * channels) });
      ccc.backward(device, x, y, bytes(8 * channels), one, dx, { of: 'loss', swapped: false, accumulate: false });
      const targets = { labels: bytes(rows), weight: null, smoothing: 0 };
      entropy.logSoftmax(device, x, y);
      entropy.logSoftmaxBackward(device, y, dy, dx, false);
      entropy.loss(device, x, targets, one, bytes(1));
      entropy.lossBackward(device, x, targets, bytes(1), one, dx, false);
      shortcut.forward(device, x, one, bytes(1), y);
      const target = (storage = bytes(1)) => ({ storage, accumulate: false });
      shortcut.backward(
        device,
        { x, a: one, c: bytes(1), dy },
        { dx: { matrix: dx, accumulate: false }, da: target(), dc: target() },
      );
      pointwise.unary(device, 'relu', 0, x, y);
      pointwise.unaryBackward(device, 'relu', 0, { x, dy, dx, accumulate: false });
      pointwise.binary(device, 'add', x, y, dx);
      pointwise.binaryBackward(device, 'mul', 1, { a: x, b: y, dy, to: dx, accumulate: false });
      const axes = [
        { size: rows, strides: [channels, 0] },
        { size: channels, strides: [1, 1] },
      ];
      pointwise.broadcast(device, 'add', axes, x, { storage: row(), offset: 0, dtype: 'f32' }, y);

      const n1 = { gamma: row(), beta: row(), eps: 1e-5 };
      const pack = bytes(channels * 6);
      const stats = bytes(channels * 4);
      const parts = batchNorm.statistics(device, x);
      const fresh = { from: 0, to: channels, parts };
      const left = { storage: bytes(channels * 4), first: 0 };
      batchNorm.prepare(device, channels, n1, pack, { stats, first: 0, rows, fresh }, left);
      const running = { mean: row(), variance: row() };
      batchNorm.prepareRunning(device, channels, n1, running, pack);
      batchNorm.preparePlanes(device, channels, n1, running, bytes(channels * 3));
      const vectors = [[{ at: 0, channels, source: 0, momentum: 0.1 }]];
      batchNorm.follow(device, vectors, bytes(5), left.storage, row(), verdict);
      batchNorm.apply(device, x, pack, y, 'relu');
      const gradients = { dgamma: target(row()), dbeta: target(row()) };
      batchNorm.backward(device, x, dy, pack, 'relu', true, { ...gradients, dx: { matrix: dx, accumulate: false } });
      batchNorm.settle(device, x, dx.storage, stats, bytes(channels * 4));

      const pixels = n * size * size;
      const image = (c: number, at = pixels): Matrix => matrix(at, c);
      const half = size >> 1;
      const of = { n, channels, h: size, w: size, oh: half, ow: half };
      const window = { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } as const;
      const small = image(channels, n * half * half);
      const large = image(channels);
      const indices = bytes(small.rows * channels);
      pool.maxForward(device, { ...of, window }, large, small, indices);
      pool.maxBackward(device, { ...of, window }, small, indices, large, false);
      pool.avgForward(device, { ...of, window }, large, small);
      pool.avgBackward(device, { ...of, window }, small, large, false);
      batchNorm.apply(device, large, pack, small, 'relu', { h: size, w: size });
      resize.forward(device, { ...of, alignCorners: false }, large, small);
      resize.backward(device, { ...of, alignCorners: false }, small, large, false);
      const input = image(Math.min(64, channels));
      for (const groups of [2, input.channels]) {
        const g: conv.Conv2dGeometry = {
          ...{ n, h: size, w: size, ci: input.channels, co: input.channels, kh: 3, kw: 3, oh: size, ow: size },
          ...{ stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups },
        };
        const weight = bytes((9 * input.channels ** 2) / groups);
        const out = image(input.channels);
        const prologue = { pack, activation: 'relu' } as const;
        conv.forward(device, g, input, weight, null, out, prologue);
        conv.backwardData(device, g, out, weight, input, false);
        conv.backwardWeight(device, g, input, out, weight, false, prologue);
      }
      for (const variant of ['subgroup', 'tiled', 'tiled 16x32x8 in 4', 'plain'] as const) {
        forceVariant(device, variant);
        const taken = { x: bytes(pixels * 3), weight: bytes(27 * 8), bias: bytes(8), y: bytes(2 * pixels) };
        if (size >= 4) convPool.forward(device, { n, h: size, w: size, ci: 3, co: 8 }, taken, 0.1);
        for (const k of [1, 3]) {
          const g: conv.Conv2dGeometry = {
            ...{ n, h: size, w: size, ci: input.channels, co: 8, kh: k, kw: k, oh: size, ow: size },
            ...{ stride: [1, 1], padding: [k >> 1, k >> 1], dilation: [1, 1], groups: 1 },
          };
          const weight = bytes(k * k * input.channels * 8);
          const out = image(8);
          const prologue = { pack, activation: 'relu' } as const;
          conv.forward(device, g, input, weight, null, out, prologue);
          conv.backwardData(device, g, out, weight, input, false);
          conv.backwardWeight(device, g, input, out, weight, false, prologue);
          if (!variant.startsWith('tiled')) {
            const sums = conv.backwardDataThroughNorm(
              device,
              g,
              out,
              weight,
              input,
              prologue,
              bytes(pixels * input.channels),
              false,
            );
            batchNorm.backwardFromSums(device, input, sums, pack, gradients, null);
          }
        }
        const b = matrix(channels, 8);
        matmul(device, strided(x), strided(b), null, matrix(rows, 8), false);
        matmul(device, transposed(strided(x)), strided(matrix(rows, 8)), null, b, false);
      }
      forceVariant(device, null);
    },
    () => [],
  );
}

/** What the kernels' room calls its kernels. */
const names = readdirSync('src/kernels', { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts'))
  .flatMap((f) => [
    ...readFileSync(`src/kernels/${f}`, 'utf8').matchAll(
      /(?:defineKernel|perWidth|defineGemm|defineColumnGemm)\(\s*'([^']+)'/g,
    ),
  ])
  .map((m) => m[1])
  .filter((name) => !name.startsWith('peaks.')); // grids of fixed size

test('on a device that takes few workgroups every kernel is launched, and none exceeds the limit', async () => {
  assert.ok(names.length > 40, names.join(' '));
  for (const software of [true, false]) {
    const { device, gpu } = await mockDevice({
      software,
      features: ['subgroups'],
      limits: { maxComputeWorkgroupsPerDimension: 100 },
    });
    launchAll(device, 1000, 64, 9, 24);
    launchAll(device, 300_000, 4, 2, 8);
    await device.wait();
    assert.equal(gpu.errors, []);
    const launched = new Set(gpu.launches.map((l) => l.label.split(' ')[0]));
    const missing = names.filter((name) => ![...launched].some((l) => l === name || l.startsWith(`${name}.`)));
    const ofWidth1 = ['transpose.1', 'dropout.1', 'conv2d.backward_data_through_norm.1'];
    assert.equal(
      missing.filter((name) => !ofWidth1.includes(name)),
      [],
    );
    assert.ok(gpu.launches.filter((l) => l.label.includes('(folded)')).length > 20);
    assert.ok(gpu.launches.every((l) => Math.max(...l.workgroups) <= 100));
  }
});

test('what used to exceed 65,535: large stems, plain products of many rows, long channel copies; also in a dry run', async () => {
  for (const software of [true, false]) {
    const { device, gpu } = await mockDevice({ software, features: ['subgroups'] });
    const work = (): void => {
      launchAll(device, 524_281 * 8, 4, 3, 8); // plain tiles are 8 rows high
      launchAll(device, 1, 9_000_001, 1, 4);
      launchAll(device, 9_000_001, 1, 1, 4);
      launchAll(device, 4, 64, 70_000, 2);
      for (const variant of ['subgroup', 'tiled', 'plain'] as const) {
        forceVariant(device, variant);
        for (const [size, ci, co, k, stride, padding] of [
          [227, 3, 64, 7, 2, 3],
          [112, 8, 32, 3, 1, 1],
        ] as const) {
          const out = conv.outputSize(size, k, stride, padding);
          device.scope(
            () => {
              const rows = (c: number, s: number): Matrix => ({
                ...{ storage: device.alloc(512 * s * s * c * 4, 'image'), rows: 512 * s * s },
                ...{ channels: c, stride: c, offset: 0, dtype: 'f32' as const },
              });
              const g: conv.Conv2dGeometry = {
                ...{ n: 512, h: size, w: size, ci, co, kh: k, kw: k, oh: out, ow: out },
                ...{ stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups: 1 },
              };
              const weight = device.alloc(k * k * ci * co * 4, 'weight');
              const [x, y] = [rows(ci, size), rows(co, out)];
              conv.forward(device, g, x, weight, null, y, null);
              conv.backwardData(device, g, y, weight, x, false);
              conv.backwardWeight(device, g, x, y, weight, false, null);
            },
            () => [],
          );
        }
        forceVariant(device, null);
      }
    };
    assert.ok(device.dryRun(work) > 0);
    work();
    await device.wait();
    assert.equal(gpu.errors, []);
    assert.ok(gpu.launches.some((l) => l.label.includes('(folded)')));
  }
});

// y[i] = the number of the workgroup, counted through all three dimensions of the grid that was asked for, and of the invocation.
const where = defineKernel(
  'where',
  `struct Params { size: u32 }
   @group(0) @binding(0) var<storage, read_write> y: array<u32>;
   @group(0) @binding(1) var<uniform> P: Params;
   @compute @workgroup_size(4, 2)
   fn main(
     @builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u,
     @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32,
   ) {
     let i = id.x + n.x * 4u * (id.y + n.y * 2u * id.z);
     if (i < P.size) { y[i] += ((group.z * n.y + group.y) * n.x + group.x) * 8u + lane; }
   }`,
);

/** Runs `fn` with the real device as if it took `most` workgroups a dimension. */
function limited<T>(most: number, fn: () => T): T {
  const limits = real.limits as { maxComputeWorkgroupsPerDimension: number };
  const before = limits.maxComputeWorkgroupsPerDimension;
  limits.maxComputeWorkgroupsPerDimension = most;
  try {
    return fn();
  } finally {
    limits.maxComputeWorkgroupsPerDimension = before;
  }
}

test('a folded launch sees the grid that was asked for, each place once', async () => {
  for (const grid of [
    [1, 1, 1],
    [11, 1, 1],
    [1, 13, 1],
    [1, 1, 17],
    [7, 5, 3],
    [8, 9, 2],
  ] as const) {
    const size = grid[0] * grid[1] * grid[2] * 8;
    const run = async (most: number): Promise<number[]> => {
      const y = real.alloc(size * 4, 'y');
      real.clear(y);
      limited(most, () => real.dispatch(where, { buffers: { y }, params: { size }, workgroups: grid }));
      return Array.from(new Uint32Array(await real.read(y)));
    };
    const plain = await run(65535);
    assert.is(new Set(plain).size, size);
    for (const most of [6, 7, 10]) assert.equal(await run(most), plain, `${grid} at most ${most}`);
  }
  assert.throws(
    () => limited(2, () => real.dispatch(where, { buffers: {}, workgroups: [3, 3, 1] })),
    /more than a launch/,
  );
});

test('folded launches give the bits of plain ones: a convolution, its norm, its pool and all gradients, every variant', async () => {
  const random = (name: string, shape: number[], layout?: 'taps'): F.Tensor => {
    const stream = randomStream(name, 1);
    const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => randomUniform(stream, i) - 0.4);
    return F.tensor(real, data, shape, { requiresGrad: true, name, ...(layout ? { layout } : {}) });
  };
  const run = async (): Promise<Float32Array[]> => {
    const x = random('x', [2, 8, 24, 24]);
    const w = random('w', [16, 8, 3, 3], 'taps');
    const [weight, bias] = ['weight', 'bias'].map((name) => random(name, [16]));
    const [runningMean, runningVar] = ['mean', 'var'].map((name) =>
      F.tensor(real, new Float32Array(16), [16], { name }),
    );
    const bn = { weight, bias, runningMean, runningVar };
    F.step(real, () => {
      const y = F.batchNorm(
        F.conv2d(x, w, null, { padding: 1 }),
        bn,
        { training: true, eps: 1e-5, momentum: 0.1 },
        'relu',
      );
      F.backward(F.mean(F.square(F.maxPool2d(y, { kernel: 2, stride: 2 }))));
    });
    return F.readAll([x, w, weight, bias].map((t) => t.grad as F.Tensor));
  };
  for (const variant of variantsOf(real)) {
    forceVariant(real, variant);
    const plain = await run();
    const folded = await limited(9, run);
    forceVariant(real, null);
    assert.ok(plain.every((g) => g.some((v) => v !== 0)));
    assert.equal(folded, plain, variant);
  }
});

test.run();
