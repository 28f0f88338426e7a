// npm run bench -- launches and -- predict: what a step launches, and the time that is predicted of it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { byOp, chosenSteps, launchesOfStep, totalOf } from '../../bench/launches';
import { paperDevice } from '../../bench/paper';
import { GPUS, predict } from '../../bench/predict';
import { prepareStep, step } from '../../bench/steps';
import * as F from '../../src/autograd';
import { device } from '../gpu';
import { bench, lines } from './program';

const test = suite('predict');

test('by hand: each launch takes its flop or its bytes, whichever is longer, and a gap; recording goes on beside it', () => {
  const launches = [
    { label: 'conv2d.forward', flop: 3e9, bytes: 1e6 }, // 3e9 / 1e12 = 3 ms; its bytes 0.01 ms
    { label: 'batch_norm.apply', flop: 0, bytes: 4e8 }, // 4e8 / 1e11 = 4 ms
    { label: 'sgd', flop: 1e6, bytes: 1e5 }, // 0.001 ms and 0.001 ms
  ];
  const gpu = { name: '', gflops: 1000, gbps: 100, gap: 10, host: 30, source: '' };
  const near = (found: number, wanted: number): void => assert.ok(Math.abs(found - wanted) < 1e-9, `${found}`);
  const slow = predict(launches, gpu);
  near(slow.work, 7.001);
  near(slow.gpu, 7.031); // three gaps of 0.01 ms
  near(slow.host, 0.09);
  near(slow.step, 7.031);
  near(predict(launches, { ...gpu, host: 5000 }).step, 15);
});

test('bytes and operations of a 1x1 convolution and its gradients, by hand', async () => {
  const on = await paperDevice();
  const launches = on.launchesOf(() =>
    on.dryRun(() => {
      const x = F.tensor(on, new Float32Array(50 * 50 * 64), [1, 64, 50, 50], { requiresGrad: true });
      const weight = F.tensor(on, new Float32Array(64 * 32), [32, 64, 1, 1], { layout: 'taps', requiresGrad: true });
      F.backward(F.sum(F.conv2d(x, weight, null)));
    }),
  );
  const ops = new Map(byOp(launches).map((o) => [o.op, o]));
  const each = 2 * 2500 * 64 * 32;
  for (const op of ['forward', 'backward_data', 'backward_weight'])
    assert.is(ops.get(`conv2d.${op} 1x1`)?.flop, each, op);
  // x and y, or their gradients, once; the weight once.
  const bytes = 4 * (2500 * 64 + 2500 * 32 + 64 * 32);
  assert.is(ops.get('conv2d.forward 1x1')?.bytes, bytes);
  assert.is(ops.get('conv2d.backward_data 1x1')?.bytes, bytes);
});

test('a step on paper launches what it really does', async () => {
  const work = step('denselite', 32, 4);
  const launches = launchesOfStep(device, work, 'f32').filter(({ label }) => !label.startsWith('memory.'));
  const { record } = prepareStep(device, work);
  record();
  const before = device.stats().dispatches;
  record();
  assert.is(device.stats().dispatches - before, launches.length);
  await device.wait();
});

test('f16 halves the bytes of activations alone, and a GPU that is faster is predicted so', async () => {
  const on = await paperDevice();
  const [f32, f16] = (['f32', 'f16'] as const).map((p) => launchesOfStep(on, step('mobilenet', 96, 32), p));
  const [a, b] = [f32, f16].map(totalOf);
  assert.is(a.flop, b.flop);
  assert.ok(b.bytes < 0.7 * a.bytes && b.bytes > 0.5 * a.bytes, `${b.bytes} of ${a.bytes}`);
  const times = GPUS.map((gpu) => predict(f32, gpu).gpu);
  assert.ok(times[0] < times[1] && times[1] < times[2], times.join(' '));
});

test('the commands: a line a step as JSON, and wrong usage', async () => {
  const small = ['--network', 'mobilenet', '--image_size', '64', '--batch_size', '2'];
  const predicted = lines((await bench('bench', 'predict', ...small, '--json')).out);
  assert.equal(
    predicted.map(({ work, precision }) => [work, precision]),
    ['f32', 'f16'].map((p) => ['step emotion_gcn mobilenet 64 b2', p]),
  );
  const [counted] = lines((await bench('bench', 'launches', ...small, '--json')).out);
  const ops = counted.ops as { op: string; launches: number }[];
  assert.is(
    ops.reduce((n, o) => n + o.launches, 0),
    counted.launches,
  );
  assert.ok(ops.some(({ op }) => op === 'sgd'));
  assert.throws(
    () => chosenSteps({ network: 'resnet' }),
    /--network expects densenet, bregnext, denselite, mobilenet, found resnet/,
  );
});

test.run();
