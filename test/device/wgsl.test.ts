// Every kernel's text, as every kind of adapter would get it, compiled: by Dawn's null backend, which takes WGSL as any backend does (parsing,
// types, features, workgroup limits) and then makes nothing of it. What a driver does with the SPIR-V, it does not tell.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { create, globals } from 'webgpu';
import { prepareStep, step } from '../../bench/steps';
import * as F from '../../src/autograd';
import { Device, defineKernel } from '../../src/device';
import type { Activation } from '../../src/kernels/activation';
import { allTiles } from '../../src/kernels/variant';
import { NETWORKS } from '../../src/models';
import { kernelNames, launchAll } from './every_kernel';

const test = suite('wgsl');

Object.assign(globalThis, globals);
const dawn = create(['backend=null']);

/** A device on the null backend that takes itself for a CPU driver or a GPU, with subgroups of so many lanes or none. */
async function nullDevice({ software, lanes }: { software: boolean; lanes: number | null }): Promise<Device> {
  const adapter = (await dawn.requestAdapter()) as GPUAdapter;
  const device = await Device.create(adapter, { software });
  Object.assign(device.info, { subgroupMinSize: lanes ?? 4, subgroupMaxSize: lanes ?? 128 });
  Object.assign(device.limits, { maxBufferSize: 2 ** 38, maxStorageBufferBindingSize: 2 ** 32 - 4 });
  return device;
}

/** CPU drivers with the subgroups that lavapipe and SwiftShader have, and without; GPUs. */
const ADAPTERS = [
  { software: true, lanes: 8, dtypes: ['f32', 'f16'] },
  { software: true, lanes: 4, dtypes: ['f32'] },
  { software: true, lanes: null, dtypes: ['f32'] },
  { software: false, lanes: 32, dtypes: ['f32', 'f16'] },
] as const;

/** Channels by fours and not, more rows than a sum takes at once, and few. */
const SIZES = [
  [1000, 64, 9, 24],
  [70_000, 8, 2, 8],
  [3, 7, 1, 3],
] as const;

const ACTIVATIONS = [
  'none',
  'relu',
  'leakyRelu',
  'elu',
  'sigmoid',
  'tanh',
  'relu6',
  'gelu',
  'swish',
] as const satisfies readonly Activation[];

const compiled = new Set<string>();

/** What `fn` would launch on a device, compiled. */
function compile(device: Device, fn: () => void): Promise<void> {
  const dispatch = device.dispatch.bind(device);
  device.dispatch = (kernel, launch) => {
    compiled.add(kernel.name);
    dispatch(kernel, launch);
  };
  device.dryRun(fn);
  device.dispatch = dispatch;
  return device.prepare();
}

for (const adapter of ADAPTERS) {
  const on = `${adapter.software ? 'a CPU driver' : 'a GPU'}, ${adapter.lanes ? `subgroups of ${adapter.lanes}` : 'no subgroups'}`;
  for (const dtype of adapter.dtypes) {
    test(`${on}, ${dtype}: every kernel in every variant and tile`, async () => {
      const device = await nullDevice(adapter);
      const variants = allTiles(device).map((t) => t.name);
      for (const [rows, channels, n, size] of SIZES)
        await compile(device, () => launchAll(device, rows, channels, n, size, { dtype, variants }));
      const { pipelines } = device.stats();
      assert.ok(pipelines > 100, `${pipelines} pipelines`);
      device.destroy();
    });

    test(`${on}, ${dtype}: all activations, and the steps of all networks`, async () => {
      const device = await nullDevice(adapter);
      await compile(device, () => {
        for (const activation of ACTIVATIONS) {
          const x = F.tensor(device, new Float32Array(2 * 8 * 12 * 12), [2, 8, 12, 12], { dtype, requiresGrad: true });
          const vector = () => F.tensor(device, new Float32Array(8), [8], { requiresGrad: true });
          const bn = {
            weight: vector(),
            bias: vector(),
            runningMean: F.zeros(device, [8]),
            runningVar: F.zeros(device, [8]),
          };
          for (const k of [1, 3])
            for (const training of [true, false]) {
              const weight = F.tensor(device, new Float32Array(8 * 16 * k * k), [16, 8, k, k], {
                layout: 'taps',
                requiresGrad: true,
              });
              const y = F.batchNormConv2d(x, bn, { training }, activation, weight, null, { padding: k >> 1 });
              F.backward(F.sum(F.float(y)));
            }
          F.backward(F.sum(F.float(F.batchNorm(x, bn, { training: true }, activation))));
          F.backward(F.sum(F.float(F.batchNormAvgPool2d(x, bn, { training: true }, activation))));
        }
      });
      for (const network of NETWORKS) {
        await compile(device, () => prepareStep(device, step(network, 96, 6), dtype).record());
        await compile(device, () => prepareStep(device, step(network, 96, 1, false), dtype).record());
      }
      device.destroy();
    });
  }
}

test('nothing is left out', () => {
  const missing = kernelNames.filter((name) => ![...compiled].some((k) => k === name || k.startsWith(`${name}.`)));
  assert.equal(missing, []);
});

test('what does not compile is told: a wrong type, a feature that was not enabled, too much workgroup memory', async () => {
  const device = await nullDevice(ADAPTERS[3]);
  const wrong = (body: string, head = ''): Promise<void> => {
    const text = `${head} @group(0) @binding(0) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) { ${body} }`;
    const kernel = defineKernel('wrong', text);
    return compile(device, () => device.dispatch(kernel, { buffers: { y: device.none }, workgroups: [1] }));
  };
  await wrong('y[lane] = 1.0;');
  for (const [body, head, said] of [
    ['y[lane] = 1u;', '', /wrong\[0\]:2.*cannot assign/],
    ['y[lane] = subgroupShuffle(1.0, 0u);', '', /subgroups/],
    ['y[lane] = f32(f16(1.0));', '', /f16/],
    ['big[lane] = 1.0; y[lane] = big[0];', 'var<workgroup> big: array<f32, 5000>;', /workgroup/i],
  ] as const) {
    const error = await wrong(body, head).then(
      () => null,
      (e: Error) => e,
    );
    assert.match(`${error?.message.replaceAll('\n', ' ')}`, said);
  }
  device.destroy();
});

test.run();
