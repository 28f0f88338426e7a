// The operations that each matrix kernel states for profiles: those of its shape, whatever its tiles and splits could hold.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, Storage } from '../../src/device';
import * as conv from '../../src/kernels/conv2d';
import type { Matrix } from '../../src/kernels/launch/matrix';
import { matmul, strided, transposed } from '../../src/kernels/matmul';
import { forceVariant } from '../../src/kernels/variant';
import { mockDevice } from '../mock_gpu';

const test = suite('flop');

/** A device that can run all variants, on a CPU or a GPU, and a count of the operations that launches state. */
async function deviceOf(software: boolean) {
  const { device, gpu } = await mockDevice({ software, features: ['subgroups'] });
  Object.assign(device.info, { subgroupMinSize: 8, subgroupMaxSize: 8 });
  const dispatch = device.dispatch.bind(device);
  let flop = 0;
  device.dispatch = (kernel, launch) => {
    flop += launch.flop ?? 0;
    dispatch(kernel, launch);
  };
  const count = (fn: () => void): number => {
    flop = 0;
    fn();
    return flop;
  };
  return { device, gpu, count };
}

const storage = (device: Device, numbers: number): Storage => device.alloc(4 * numbers, 'operand');
const rowsOf = (device: Device, rows: number, channels: number): Matrix => ({
  storage: storage(device, rows * channels),
  rows,
  channels,
  stride: channels,
  offset: 0,
  dtype: 'f32',
});

const geometry = (n: number, h: number, w: number, ci: number, co: number, k: number, stride: number, pad: number) => {
  const [oh, ow] = [h, w].map((size) => conv.outputSize(size, k, stride, pad));
  return {
    n,
    h,
    w,
    ci,
    co,
    kh: k,
    kw: k,
    oh,
    ow,
    stride: [stride, stride],
    padding: [pad, pad],
    dilation: [1, 1],
    groups: 1,
  } as const;
};

// Both networks' kinds: maps of less than a sum's pixels, of a few more, of many; strides; channels that are no fours.
const CONVOLUTIONS = [
  geometry(8, 7, 7, 64, 128, 1, 1, 0),
  geometry(8, 3, 3, 128, 32, 3, 1, 1),
  geometry(3, 13, 11, 5, 7, 3, 2, 1),
  geometry(2, 57, 57, 32, 32, 3, 1, 1),
  geometry(5, 28, 28, 3, 64, 7, 2, 3),
  geometry(1, 1, 1, 8, 4, 1, 1, 0),
];
const PRODUCTS = [
  [9, 300, 64],
  [1, 1024, 7],
  [33, 17, 65],
  [64, 256, 128],
  [64, 257, 128],
];
const VARIANTS = ['subgroup', 'tiled', 'plain', 'tiled 32x64x16 in 4'];

for (const software of [true, false]) {
  const on = software ? 'a CPU driver' : 'a GPU';
  test(`convolutions on ${on}: 2 N OH OW CO CI KH KW each way`, async () => {
    const { device, gpu, count } = await deviceOf(software);
    for (const variant of VARIANTS) {
      forceVariant(device, variant);
      for (const g of CONVOLUTIONS) {
        const { n, h, w, ci, co, kh, kw, oh, ow } = g;
        const [x, dx] = [rowsOf(device, n * h * w, ci), rowsOf(device, n * h * w, ci)];
        const [y, dy] = [rowsOf(device, n * oh * ow, co), rowsOf(device, n * oh * ow, co)];
        const [weight, dweight] = [storage(device, kh * kw * ci * co), storage(device, kh * kw * ci * co)];
        const prologue = { pack: storage(device, 6 * ci), activation: 'relu' } as const;
        const passes: Record<string, () => unknown> = {
          forward: () => conv.forward(device, g, x, weight, null, y, prologue),
          'backward data': () => conv.backwardData(device, g, dy, weight, dx, false),
          'backward weight': () => conv.backwardWeight(device, g, x, dy, dweight, true, prologue),
        };
        if (conv.ownColumns(device)) {
          passes['through norm'] = () =>
            conv.backwardDataThroughNorm(device, g, dy, weight, x, prologue, dx.storage, false);
        }
        for (const [pass, run] of Object.entries(passes)) {
          const name = `${variant}: ${pass} ${conv.describe(g)}`;
          assert.is(count(run), 2 * n * oh * ow * co * ci * kh * kw, name);
        }
      }
    }
    await device.wait();
    assert.equal(gpu.errors, []);
  });

  test(`matrix products on ${on}, however A and B lie: 2 M K N`, async () => {
    const { device, gpu, count } = await deviceOf(software);
    for (const variant of VARIANTS) {
      forceVariant(device, variant);
      for (const [m, k, n] of PRODUCTS) {
        const lying = (rows: number, columns: number, turned: boolean) =>
          turned ? transposed(strided(rowsOf(device, columns, rows))) : strided(rowsOf(device, rows, columns));
        for (const turns of [0, 1, 2, 3]) {
          const [a, b] = [lying(m, k, (turns & 1) > 0), lying(k, n, (turns & 2) > 0)];
          const run = () => matmul(device, a, b, null, rowsOf(device, m, n), false);
          assert.is(count(run), 2 * m * k * n, `${variant}: ${m}x${k}x${n}, turned ${turns}`);
        }
      }
    }
    await device.wait();
    assert.equal(gpu.errors, []);
  });
}

test.run();
