// Features of a frozen network, computed once and kept.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CropSet, writeSyntheticSet } from '../../src/data';
import { changesOf } from '../../src/data/augment';
import { readSafetensors } from '../../src/formats/safetensors';
import { buildModel, EmotionModel } from '../../src/models';
import type { StepEvent } from '../../src/train/loop/events';
import { FeatureSet, viewsOf } from '../../src/train/loop/features';
import { Learner, type Pictures } from '../../src/train/loop/learner';
import { Trainer } from '../../src/train/loop/trainer';
import { readHashes } from '../../src/train/run/hashes';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { labelled } from '../data/labelled';
import { device } from '../gpu';

const test = suite('kept features');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-features-'));
const faces = join(dir, 'faces');

test.before(async () => {
  const { training } = await writeSyntheticSet({ out: faces, n: 42, validation: 14, seed: 3, size: 64 });
  const images = readFileSync(training, 'utf8').trim().split('\n').slice(1);
  for (const i of [3, 17]) writeFileSync(join(faces, images[i].split(',')[0]), 'no picture');
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('kept are the features of a frozen network whose pictures are the same in every epoch, as they are or mirrored', () => {
  const frozen = { freeze_backbone: true, precision: 'f32' } as const;
  const still = { rotation: null, random_erasing: 0, color_jitter: 0, mixup: 0 };
  const of = (more: object, args: Partial<TrainArgs> = {}, faces = 100) =>
    viewsOf({ ...frozen, ...args }, { ...still, ...more }, faces, 256);
  assert.is(of({}), 1);
  assert.is(of({ rotation: 0 }), 2);
  assert.is(viewsOf(frozen, null, 100, 256), 1, 'validation');
  for (const more of [{ rotation: 30 }, { random_erasing: 0.1 }, { color_jitter: 0.1 }, { mixup: 0.2 }])
    assert.is(of(more), null, JSON.stringify(more));
  assert.is(of({}, { freeze_backbone: false }), null);
  assert.is(of({}, { precision: 'f16' }), null);
  assert.equal(
    [2 ** 19, 2 ** 19 + 1].map((faces) => of({}, {}, faces)),
    [1, null],
    '512 MiB',
  );
});

test('each picture is read once and computed once, whoever asks for it; of a bad one there is nothing', async () => {
  const read: number[] = [];
  let [computed, running, most] = [0, 0, 0];
  const crops = {
    ...{ samples: labelled(Array.from({ length: 10 }, (_, i) => i % 7)), size: 1, bytes: 3 },
    async read(rows: number[], into: Uint8Array) {
      read.push(...rows);
      for (const [i, row] of rows.entries()) into.fill(row, i * 3, i * 3 + 3);
      return rows.map((row) => row !== 5);
    },
  };
  const learner = {
    model: { width: 2 } as EmotionModel,
    async features({ images, flip }: Pictures) {
      assert.is(images.length, 4 * 3, 'always as many');
      computed++;
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return Float32Array.from({ length: 8 }, (_, i) => images[(i >> 1) * 3] + 100 * flip[i >> 1]);
    },
  };
  const set = new FeatureSet(crops as unknown as CropSet, learner, 2, 4);
  const ask = async (...rows: number[]) => {
    const into = new Uint8Array(rows.length * set.bytes);
    const good = await set.read(rows, into);
    return { good, features: [...new Float32Array(into.buffer)] };
  };
  const [a, b] = await Promise.all([ask(1, 2, 3, 2, 9, 5), ask(2, 5, 0)]);
  assert.equal(a.good, [true, true, true, true, true, false]);
  assert.equal(a.features.slice(4, 8), [2, 2, 102, 102]);
  assert.equal(b.good, [true, false, true]);
  assert.equal((await ask(0, 1, 2, 3, 9)).features.slice(0, 4), [0, 0, 100, 100]);
  assert.equal(read, [1, 2, 3, 9, 5, 0, 4, 6], 'a batch is filled up with others');
  assert.is(computed, 4, 'two batches, and their mirror images');
  assert.is(most, 1, 'one after the other');
});

test('features are those that the whole network computes, and no bit of them depends on what is beside a picture', async () => {
  const size = 32;
  const model = buildModel(device, { network: 'denselite', model: 'multi_task', imageSize: size }).initialise(1);
  for (const part of model.backbone) part.freeze();
  const learner = new Learner(device, model, { embedding: null, loss: null });
  const n = 5;
  const image = (k: number) => Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * (2 * k + 7) + k * k) % 251);
  const batch = (...which: number[]) => ({
    images: Uint8Array.from(which.flatMap((k) => [...image(k)])),
    ...changesOf(null, which, size, { seed: 0, epoch: 0, step: 0 }),
  });
  const one = batch(0, 1, 2, 3, 4);
  const features = await learner.features(one);
  const row = (of: Float32Array, i: number) => of.slice(i * model.width, (i + 1) * model.width);
  const others = await learner.features(batch(4, 9, 0, 8, 7));
  assert.equal(row(others, 2), row(features, 0));
  assert.equal(row(others, 0), row(features, 4));
  assert.not.equal(row(others, 1), row(features, 1));
  const rest = { labels: new Uint32Array(n), va: new Float32Array(2 * n), rows: new Uint32Array(n) };
  const seen = await learner.evaluate({ ...one, ...rest });
  const kept = await learner.evaluate({ ...one, ...rest, images: new Uint8Array(), features });
  assert.equal(kept.logits, seen.logits);
  assert.equal(kept.va, seen.va);
});

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: faces, data: join(faces, 'training.csv'), val_data: join(faces, 'validation.csv'), rotation: 0 },
    ...{ network: 'bregnext', model: 'emotion_gcn', image_size: 16, batch_size: 8, epochs: 2, class_weights: 'none' },
    ...{ freeze_backbone: true, max_bad: 0.1, cache: join(dir, 'cache'), saved_model: join(dir, 'runs', name) },
    ...more,
  });

/** Trains, and counts how often pictures go through the backbone for features, and in a forward pass of all. */
async function train(
  args: TrainArgs,
  { stopAt, resumed = false }: { readonly stopAt?: number; readonly resumed?: boolean } = {},
) {
  const counts = { features: 0, forward: 0 };
  const { forward } = EmotionModel.prototype;
  const { features } = Learner.prototype;
  EmotionModel.prototype.forward = function (...given) {
    if (this.device.computing) counts.forward++;
    return forward.apply(this, given);
  };
  Learner.prototype.features = function (pictures) {
    counts.features++;
    return features.call(this, pictures);
  };
  const stop = new AbortController();
  const onStep = ({ phase, step, epoch }: StepEvent): void => {
    if (phase === 'train' && epoch === 1 && step === stopAt) stop.abort();
  };
  try {
    const resume = resumed ? readRunToResume(args.saved_model, {}) : undefined;
    const notices: string[] = [];
    const onNotice = (line: string): void => void notices.push(line);
    await new Trainer(resume?.args ?? args, { hooks: { onStep, onNotice }, resume }).run(stop.signal);
    return { ...counts, notices, hashes: readHashes(args.saved_model) };
  } finally {
    EmotionModel.prototype.forward = forward;
    Learner.prototype.features = features;
  }
}

const weights = (name: string) =>
  readSafetensors(readFileSync(join(dir, 'runs', name, 'weights', 'last.safetensors'))).tensors;

test('a run sees each picture and its mirror image once, and learns what it learns from the pictures', async () => {
  const kept = await train(settings('kept'));
  // Batches of 8 of 42 and of 14: six, with mirror images, and two.
  assert.equal([kept.features, kept.forward], [14, 0]);
  // 64 numbers of 4 bytes each, of 42 faces twice, of 14 once.
  assert.equal(
    kept.notices
      .filter((line) => line.includes('are computed once, and kept'))
      .map((line) => line.replace(/^.*?: /, '')),
    [
      'features of 42 training faces are computed once, and kept (0.0 MiB)',
      'features of 14 validation faces are computed once, and kept (0.0 MiB)',
    ],
  );
  assert.is(kept.notices.filter((line) => line.startsWith('left out:')).length, 2);
  // A rotation that moves no pixel, of which nobody knows that beforehand.
  const seen = await train(settings('seen', { rotation: 1e-9 }));
  assert.equal([seen.features, seen.forward], [2, 12], 'validation alone is kept');
  for (const [name, { data }] of weights('seen')) {
    const other = weights('kept').get(name)!.data as Float32Array;
    // Batches that are no whole ones were filled up, so that sums of products may be taken otherwise: a few roundings of float32.
    (data as Float32Array).forEach((v, i) => {
      assert.ok(Math.abs(Number(v) - Number(other[i])) <= 1e-5 * Math.max(1, Math.abs(Number(v))), `${name}[${i}]`);
    });
  }
  // Stopped within an epoch and resumed, with another number of threads: features are computed anew, in another order.
  const args = settings('stopped', { workers: 1 });
  await train(args, { stopAt: 4 });
  const resumed = await train(args, { resumed: true });
  assert.equal(resumed.hashes, kept.hashes, 'the same bits');
  assert.is(resumed.forward, 0);
});

test.run();
