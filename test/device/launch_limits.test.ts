import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { defineKernel } from '../../src/device';
import * as conv from '../../src/kernels/conv2d';
import type { Matrix } from '../../src/kernels/launch/matrix';
import { forceVariant, variantsOf } from '../../src/kernels/variant';
import { device as real } from '../gpu';
import { mockDevice } from '../mock_gpu';
import { kernelNames, launchAll } from './every_kernel';

// No launch may have more workgroups in a dimension than the device takes: device/fold.ts. On a mock every kernel is launched near
// and beyond the limit; on the real adapter folded launches are held to the numbers of plain ones.
const test = suite('launch limits');

test('on a device that takes few workgroups every kernel is launched, and none exceeds the limit', async () => {
  assert.ok(kernelNames.length > 40, kernelNames.join(' '));
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
    const missing = kernelNames.filter((name) => ![...launched].some((l) => l === name || l.startsWith(`${name}.`)));
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
