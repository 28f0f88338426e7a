// Every kernel of the engine, launched: for tests of limits, and of what compiles.
import { readdirSync, readFileSync } from 'node:fs';
import type { Device } from '../../src/device';
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
import type { DType, Matrix } from '../../src/kernels/launch/matrix';
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
import { planSums, sumAllParts, sumParts } from '../../src/kernels/sum_parts';
import { planTransposes, transpose, transposeAll } from '../../src/kernels/transpose';
import { forceVariant } from '../../src/kernels/variant';

const VARIANTS = ['subgroup', 'tiled', 'tiled 16x32x8 in 4', 'plain'] as const;

/**
 * Launches every kernel on matrices of `rows` x `channels`, and images of `size` pixels a side.
 * @param dtype how maps are stored
 * @param variants of the matrix kernels, by names of variants or tiles
 */
export function launchAll(
  device: Device,
  rows: number,
  channels: number,
  n: number,
  size: number,
  { dtype = 'f32', variants = VARIANTS }: { dtype?: DType; variants?: readonly string[] } = {},
): void {
  device.scope(
    () => {
      const bytes = (count: number) => device.alloc(Math.max(4, count * 4), 'memory');
      const matrix = (r = rows, c = channels): Matrix => ({
        storage: bytes(r * c),
        rows: r,
        channels: c,
        stride: c,
        offset: 0,
        dtype,
      });
      const [x, y, dx, dy] = [matrix(), matrix(), matrix(), matrix()];
      const one = bytes(4);
      const row = (): ReturnType<typeof bytes> => bytes(channels * 8);

      meanGray(device, n, size, size, bytes((n * size * size * 3) / 4 + 1), bytes(4 * n));
      affineImage(device, n, size, size, dtype === 'f16' ? 'f16' : 'f32', 'rgb', {
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
      const summands = [256, 0].map((from) => ({ from, to: from, size: 8, parts: 2 }));
      sumAllParts(device, planSums(device, summands), bytes(10), bytes(256), bytes(256), false);
      transpose(device, x.storage, y.storage, { batch: 1, rows, columns: channels });
      transpose(device, x.storage, y.storage, { batch: rows, rows: 1, columns: channels });
      transpose(device, x.storage, y.storage, { batch: rows, rows: 4, columns: channels / 4 });
      const turned = [256, 0].map((from) => ({ from, to: from, batch: 1, rows: 4, columns: 8 }));
      transposeAll(device, planTransposes(device, turned), bytes(10), bytes(256), bytes(256));
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
      pointwise.broadcast(device, 'add', axes, x, { storage: row(), offset: 0, dtype }, y);

      const n1 = { gamma: row(), beta: row(), eps: 1e-5 };
      const pack = bytes(channels * 6);
      const stats = bytes(channels * 4);
      const left = { storage: bytes(channels * 4), first: 0 };
      const few = (): Matrix => matrix(Math.min(rows, 40), Math.min(channels, 64));
      for (const fresh of [x, few()])
        batchNorm.prepare(device, fresh.channels, n1, pack, { stats, first: 0, rows: fresh.rows, fresh }, left);
      const running = { mean: row(), variance: row() };
      batchNorm.prepareRunning(device, channels, n1, running, pack);
      batchNorm.preparePlanes(device, channels, n1, running, bytes(channels * 3));
      const vectors = [[{ at: 0, channels, source: 0, momentum: 0.1 }]];
      batchNorm.follow(device, vectors, bytes(5), left.storage, row(), verdict);
      batchNorm.apply(device, x, pack, y, 'relu');
      const gradients = { dgamma: target(row()), dbeta: target(row()) };
      for (const [of, upstream, to] of [
        [x, dy, dx],
        [few(), few(), few()],
      ])
        batchNorm.backward(device, of, upstream, pack, 'relu', true, {
          ...gradients,
          dx: { matrix: to, accumulate: false },
        });
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
      for (const variant of variants) {
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
        matmul(device, strided(x), strided(b), null, { ...matrix(rows, 8), dtype: 'f32' }, false);
        matmul(device, transposed(strided(x)), strided(matrix(rows, 8)), null, { ...b, dtype: 'f32' }, false);
      }
      forceVariant(device, null);
    },
    () => [],
  );
}

/** What the kernels' room calls its kernels. */
export const kernelNames = readdirSync('src/kernels', { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts'))
  .flatMap((f) => [
    ...readFileSync(`src/kernels/${f}`, 'utf8').matchAll(
      /(?:defineKernel|perWidth|defineGemm|defineColumnGemm)\(\s*'([^']+)'/g,
    ),
  ])
  .map((m) => m[1])
  .filter((name) => !name.startsWith('peaks.')); // grids of fixed size
