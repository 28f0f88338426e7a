// Training with augmentations and label smoothing: what the losses are, what they cost, and that nothing else hangs on them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SGD } from '../../src/autograd';
import { writeSyntheticSet } from '../../src/data';
import { type Augmentation, changesOf } from '../../src/data/augment';
import type { Batch } from '../../src/data/loader';
import type { Device } from '../../src/device';
import { buildModel } from '../../src/models';
import { type BatchResult, Learner } from '../../src/train/loop/learner';
import { Trainer } from '../../src/train/loop/trainer';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { device } from '../gpu';
import { bits, uniform } from '../hashinit';
import { mockDevice } from '../mock_gpu';
import { mockRun } from './mock_session';

const test = suite('augmented training');
const [N, SIZE, CLASSES] = [5, 16, 7];
const WEIGHTS = Float32Array.of(1, 0.5, 2, 1, 0.25, 1.5, 1);
const ALL: Augmentation = { rotation: 30, random_erasing: 0.7, color_jitter: 0.4, mixup: 0.5 };

const batchOf = (augment: Augmentation | null, step = 0): Batch => ({
  images: Uint8Array.from(bits('images', N * SIZE * SIZE * 3, 1), (b) => b >>> 24),
  ...changesOf(augment, [4, 1, 3, 0, 2], SIZE, { seed: 1, epoch: 0, step }),
  labels: Uint32Array.from({ length: N }, (_, i) => (3 * i + 1) % CLASSES),
  va: uniform('va', 2 * N, 0, 0.9),
  rows: Uint32Array.of(4, 1, 3, 0, 2),
});

function learning(on: Device, labelSmoothing = 0) {
  const spec = { network: 'bregnext', model: 'multi_task', imageSize: SIZE, classes: CLASSES } as const;
  const model = buildModel(on, spec).initialise(0);
  const optimizer = new SGD(model.parameters(), { lr: 0 });
  const loss = { classWeights: WEIGHTS, lambda: 1, labelSmoothing };
  return { learner: new Learner(on, model, { embedding: null, loss }), optimizer };
}

/** PyTorch's weighted cross entropy with label smoothing, in double. */
function crossEntropy(logits: Float32Array, labels: readonly number[], smoothing: number): number {
  let [sum, weights] = [0, 0];
  for (const [r, label] of labels.entries()) {
    const row = [...logits.subarray(r * CLASSES, (r + 1) * CLASSES)];
    const log = Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
    const losses = row.map((x, c) => WEIGHTS[c] * (log - x));
    sum += (1 - smoothing) * losses[label] + (smoothing / CLASSES) * losses.reduce((a, b) => a + b);
    weights += WEIGHTS[label];
  }
  return sum / weights;
}

/** 1 - the mean CCC of two columns, as `ccc` has it. */
function cccLoss(pred: Float32Array, gold: readonly number[]): number {
  const of = (values: ArrayLike<number>, k: number) => Array.from({ length: N }, (_, r) => values[2 * r + k]);
  const mean = (v: number[]) => v.reduce((a, b) => a + b) / v.length;
  const about = (a: number[], b: number[]) => a.reduce((s, x, i) => s + (x - mean(a)) * (b[i] - mean(b)), 0);
  const ccc = [0, 1].map((k) => {
    const [p, g] = [of(pred, k), of(gold, k)];
    return (2 * about(p, g)) / N / ((about(p, p) + about(g, g)) / (N - 1) + (mean(p) - mean(g)) ** 2);
  });
  return 1 - mean(ccc);
}

const close = (got: number | null, expected: number, what: string): void =>
  assert.ok(
    Math.abs((got as number) - expected) < 2e-6 * Math.max(1, expected),
    `${what}: ${got}, expected ${expected}`,
  );

// Float32 against double: a few units of 6e-8 of numbers around 1.
test('the losses of mixed pictures: both labels by their parts, valence and arousal mixed; hits by the own label', async () => {
  const { learner, optimizer } = learning(device, 0.1);
  const batch = batchOf(ALL, 5);
  const share = batch.share as number;
  assert.ok(share > 0.5 && share < 0.95, `${share}`);
  const { cat, cont, loss, logits, va, labels } = await learner.train(batch, optimizer);
  const own = [...batch.labels];
  const others = own.toReversed();
  const categorical = share * crossEntropy(logits, own, 0.1) + (1 - share) * crossEntropy(logits, others, 0.1);
  const gold = Array.from(batch.va, (v, i) => share * v + (1 - share) * batch.va[2 * (N - 1 - (i >> 1)) + (i % 2)]);
  const continuous = cccLoss(va as Float32Array, gold);
  close(cat, categorical, 'cat');
  close(cont, continuous, 'cont');
  close(loss, categorical + continuous, 'loss');
  assert.equal(labels, own);
});

test('label smoothing is of training steps, and not of what is validated', async () => {
  const [plain, smoothed] = [learning(device), learning(device, 0.2)];
  const batch = batchOf(null);
  const found: BatchResult[] = [];
  for (const { learner } of [plain, smoothed]) found.push(await learner.evaluate(batch));
  assert.is(found[0].loss, found[1].loss);
  close(found[1].cat, crossEntropy(found[1].logits, [...batch.labels], 0), 'validated');
  const { cat, logits } = await smoothed.learner.train(batch, smoothed.optimizer);
  close(cat, crossEntropy(logits, [...batch.labels], 0.2), 'trained');
});

test('with everything on: memory is foretold, kernels are prepared, and a steady step makes nothing', async () => {
  const { device: mock, gpu } = await mockDevice({ software: true });
  const { learner, optimizer } = learning(mock, 0.1);
  await mock.wait();
  const foretold = learner.memoryOfTraining(N, SIZE, optimizer, { augment: ALL });
  await mock.prepare();
  const { pipelines } = gpu.created;
  mock.pool.resetPeak();
  await learner.train(batchOf(ALL), optimizer);
  assert.is(mock.stats().peak, foretold);
  assert.is(gpu.created.pipelines, pipelines);
  for (let s = 1; s < 3; s++) await learner.train(batchOf(ALL, s), optimizer);
  const { submits: _, ...before } = { ...gpu.created };
  for (let s = 3; s < 9; s++) await learner.train(batchOf(ALL, s), optimizer);
  const { submits: __, ...after } = gpu.created;
  assert.equal(after, before);
  assert.equal(gpu.errors, []);
});

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-augment-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('with everything on: the same bits with any number of workers, and stopped and resumed within an epoch', async () => {
  const faces = join(dir, 'faces');
  const set = await writeSyntheticSet({ out: faces, n: 14, validation: 14, seed: 3, size: 96 });
  const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
    readTrainArgs({
      ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'bregnext', model: 'multi_task' },
      ...{ image_size: SIZE, batch_size: 4, epochs: 2, class_weights: 'none', cache: join(dir, 'cache') },
      ...{ random_erasing: 0.5, color_jitter: 0.4, mixup: 0.4, label_smoothing: 0.1, saved_model: join(dir, name) },
      ...more,
    });
  await new Trainer(settings('one', { workers: 1 })).run();
  await new Trainer(settings('three', { workers: 3, cache: 'off' })).run();
  const stop = new AbortController();
  const onStep = ({ epoch, step }: { epoch: number; step: number }) => {
    if (epoch === 2 && step === 2) stop.abort();
  };
  await new Trainer(settings('resumed'), { hooks: { onStep } }).run(stop.signal);
  const there = readRunToResume(join(dir, 'resumed'), {});
  await new Trainer(there.args, { resume: there }).run();
  const weights = (name: string) => readFileSync(join(dir, name, 'weights/last.safetensors'));
  const rows = (name: string) => readRun(join(dir, name)).rows.map((row) => ({ ...row, seconds: 0 }));
  for (const name of ['three', 'resumed']) {
    assert.equal(rows(name), rows('one'), name);
    assert.ok(weights(name).equals(weights('one')), name);
  }
  await new Trainer(settings('hard', { label_smoothing: 0, epochs: 1 })).run();
  assert.is.not(rows('hard')[0].train_cat, rows('one')[0].train_cat);
});

test('what is trained on is changed as the settings say, what is validated never', async () => {
  const flags = { random_erasing: 1, color_jitter: 0.4, mixup: 0.4 };
  const { session, learner } = await mockRun('flags', { ...flags, epochs: 1, seed: 3, augment: false });
  const seen: Batch[] = [];
  const { train, evaluate } = learner;
  learner.train = (batch, ...more) => {
    seen.push(batch);
    return train.call(learner, batch, ...more);
  };
  learner.evaluate = (batch) => {
    seen.push(batch);
    return evaluate.call(learner, batch);
  };
  await session.run();
  const changes = seen.map(({ affine, flip, color, erased, share }) => ({ affine, flip, color, erased, share }));
  const none = changesOf(null, [0, 1], 16, { seed: 3, epoch: 0, step: 0 });
  assert.equal(
    changes,
    seen.map(({ rows }, step) =>
      step < 4 ? changesOf({ rotation: null, ...flags }, rows, 16, { seed: 3, epoch: 0, step }) : none,
    ),
  );
  assert.is(seen.length, 5);
});

test.run();
