// npm run bench:lesson -- [--rounds N] [--gpu ID]
// The kernels of docs/kernels.md, timed in turn on one layer: a 3x3 convolution, 128 to 64 channels, four maps of 28 x 28.
// Inputs are small whole numbers, so every order of summing gives the same bits, and each result must be the naive kernel's.
import { parseArgs } from 'node:util';
import { type Constants, type Device, defineKernel } from '../src/device';
import { openDevice } from '../src/device/node';
import * as conv from '../src/kernels/conv2d';
import { choose, forceVariant, type Variant, variantsOf } from '../src/kernels/variant';
import naive from './lesson/1_naive.wgsl';
import vectors from './lesson/2_vectors.wgsl';
import registers from './lesson/3_registers.wgsl';
import broadcast from './lesson/4_broadcast.wgsl';
import pairs from './lesson/5_pairs.wgsl';
import layer from './lesson/layer.wgsl';
import { count, summary, timeInTurn } from './measure';
import { program } from './program';

const [images, side, ci, co] = [4, 28, 128, 64];
const pixels = images * side * side;
const FLOP = 2 * pixels * co * ci * 9;

const integers = (n: number, salt: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => (((i * 7919 + salt) % 1013) % 9) - 4);

function kernels(device: Device) {
  const storage = (n: number, salt: number) => {
    const s = device.alloc(4 * n, 'lesson');
    device.upload(s, integers(n, salt));
    return s;
  };
  const [x, weight, y] = [storage(pixels * ci, 1), storage(9 * ci * co, 2), storage(pixels * co, 3)];
  const step = (name: string, source: string, constants: Constants, across: number, down: number) => {
    const kernel = defineKernel(`lesson.${name}`, layer, source);
    const run = (): void =>
      device.dispatch(kernel, {
        buffers: { x, weight, y },
        params: { images, side, ci, co },
        constants,
        workgroups: [co / across, pixels / down],
      });
    return { name, run };
  };
  const steps = [
    step('naive', naive, { X: 'f32', V: 'f32' }, 8, 8),
    step('vectors', vectors, { X: 'f32', V: 'vec4f' }, 32, 1),
    step('registers', registers, { X: 'f32', V: 'vec4f' }, 32, 8),
  ];
  const subgroups = variantsOf(device).includes('subgroup');
  if (subgroups) {
    steps.push(step('broadcast', broadcast, { X: 'f32', V: 'vec4f' }, 64, 32));
    steps.push(step('pairs', pairs, { X: 'vec2f', V: 'vec4f' }, 64, 32));
  }
  const matrix = (storage: typeof x, channels: number) =>
    ({ storage, rows: pixels, channels, stride: channels, offset: 0, dtype: 'f32' }) as const;
  const g = {
    n: images,
    h: side,
    w: side,
    ci,
    co,
    kh: 3,
    kw: 3,
    oh: side,
    ow: side,
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
  } as const;
  const engine = (variant: Variant) => ({
    name: `the engine's, ${variant}`,
    run(): void {
      forceVariant(device, variant);
      conv.forward(device, g, matrix(x, ci), weight, null, matrix(y, co), null);
    },
  });
  return { steps: [...steps, ...variantsOf(device).map(engine)], y };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, gpu: { type: 'string' } } });
  const device = await openDevice({ gpu: values.gpu });
  const { steps, y } = kernels(device);
  let truth: Uint32Array | undefined;
  for (const { name, run } of steps) {
    device.clear(y);
    run();
    const bits = new Uint32Array(await device.read(y));
    truth ??= bits;
    if (bits.some((b, i) => b !== truth?.[i])) throw new Error(`${name}: another result than the naive kernel's`);
  }
  const times = await timeInTurn(
    device,
    steps.map((s) => s.run),
    count('rounds', values.rounds),
  );
  const medians = times.map((t) => summary(t).median);
  console.log(
    `${device.info.device || device.info.description}, ${choose(device).lanes} lanes; every result is the naive kernel's, bit for bit`,
  );
  steps.forEach(({ name }, i) => {
    const rate = FLOP / medians[i] / 1e6;
    console.log(
      `${name.padEnd(24)} ${medians[i].toFixed(2).padStart(8)} ms ${rate.toFixed(1).padStart(7)} GFLOP/s ${(medians[0] / medians[i]).toFixed(1).padStart(6)} x naive`,
    );
  });
  device.destroy();
}

program(main);
