// What a learner foretells of a step of the optimizer, on a device that computes nothing.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Adam, Ema } from '../../src/autograd';
import type { Batch } from '../../src/data/loader';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { mockDevice } from '../mock_gpu';

const test = suite('learner');
const [N, SIZE, BATCHES] = [2, 32, 5];

const batch: Batch = {
  images: new Uint8Array(N * SIZE * SIZE * 3),
  affine: new Int32Array(N * 6),
  flip: new Uint32Array(N),
  labels: new Uint32Array(N),
  va: new Float32Array(N * 2),
  rows: new Uint32Array(N),
};

async function prepared() {
  const { device, gpu } = await mockDevice({ software: true });
  const model = buildModel(device, { network: 'densenet', model: 'multi_task', imageSize: SIZE, classes: 7 });
  const optimizer = new Adam(model.parameters(), { lr: 0.1 });
  const loss = { classWeights: new Float32Array(7).fill(1), lambda: 1 };
  const learner = new Learner(device, model, { embedding: null, loss, clipGradNorm: 1 });
  const ema = new Ema(optimizer, 0.9);
  await device.wait();
  return { device, gpu, learner, optimizer, ema };
}

/** A whole step of `batches` batches, computed. */
async function step({ learner, optimizer, ema }: Awaited<ReturnType<typeof prepared>>, size: number): Promise<void> {
  for (let place = 0; place < size; place++) await learner.train(batch, optimizer, { place, size });
  ema.update(0, learner.guard);
}

test('the memory of a step is foretold: all its batches, the clipping, the optimizer and the averages', async () => {
  const p = await prepared();
  const { device, learner, optimizer, ema } = p;
  const foretold = learner.memoryOfTraining(N, SIZE, optimizer, { ema, batches: BATCHES });
  const one = learner.memoryOfTraining(N, SIZE, optimizer, { ema });
  // A page of moments holds a batch and a half.
  assert.ok(foretold >= one + 2 * 2 ** 20, `${foretold}, ${one}`);
  device.pool.resetPeak();
  await step(p, BATCHES);
  assert.is(device.stats().peak, foretold);
});

test('a step makes no pipeline that was not prepared from its dry run', async () => {
  const p = await prepared();
  const { device, gpu, learner, optimizer, ema } = p;
  learner.memoryOfTraining(N, SIZE, optimizer, { ema, batches: 2 });
  await device.prepare();
  const before = gpu.created.pipelines;
  await step(p, 2);
  assert.is(gpu.created.pipelines, before);
});

test('the dry run of a step leaves no trace, also of batches that wait for their step', async () => {
  const [a, b] = [await prepared(), await prepared()];
  for (const p of [a, b]) {
    await step(p, 2);
    await p.learner.train(batch, p.optimizer, { place: 0, size: 2 });
  }
  a.learner.memoryOfTraining(N, SIZE, a.optimizer, { ema: a.ema, batches: 3 });
  const [before, after] = [b, a].map(({ device }) => device.stats());
  assert.is(after.live, before.live);
  for (const p of [a, b]) {
    p.gpu.launches.length = 0;
    await p.learner.train(batch, p.optimizer, { place: 1, size: 2 });
  }
  assert.equal(a.gpu.launches, b.gpu.launches);
  assert.equal(a.gpu.errors, []);
});

test.run();
