// Training with activations of f16 as a whole: it learns as f32 does, takes less memory, survives an overflow, and resumes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SGD, tensor } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { Device } from '../../src/device';
import { requestAdapter } from '../../src/device/node';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { Trainer } from '../../src/train/loop/trainer';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { release } from '../goldens/network';
import { device } from '../gpu';

const test = suite('precision');
const EPOCHS = 8;
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-precision-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 28, validation: 14, seed: 3, size: 96 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    image_dir: faces,
    data: set.training,
    val_data: set.validation,
    network: 'bregnext',
    model: 'multi_task',
    image_size: 16,
    batch_size: 14,
    epochs: EPOCHS,
    lr: 0.01,
    augment: false,
    shuffle: false,
    class_weights: 'none',
    max_bad: 0,
    cache: join(dir, 'cache'),
    saved_model: join(dir, name),
    ...more,
  });
const checkpoint = (run: string): string => join(dir, run, 'weights/last.safetensors');
const tensorsOf = (run: string) => readSafetensors(readFileSync(checkpoint(run))).tensors;
const log = (run: string): string => readFileSync(join(dir, run, 'run.log'), 'utf8');

interface Going {
  readonly resume?: boolean;
  readonly stopAfter?: number;
}

/** Trains, going on with the run of that name if told so; with `stopAfter` as if Ctrl-C came after so many steps. */
async function train(
  name: string,
  { resume = false, stopAfter = Number.POSITIVE_INFINITY, ...more }: Partial<TrainArgs> & Going = {},
): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  const onStep = ({ phase }: { phase: string }): void => {
    if (phase === 'train' && ++seen === stopAfter) stop.abort();
  };
  const run = resume ? readRunToResume(join(dir, name), {}) : undefined;
  await new Trainer(run?.args ?? settings(name, more), { hooks: { onStep }, resume: run }).run(stop.signal);
}

test('f16 learns as f32 does', async () => {
  await train('single');
  await train('half', { precision: 'f16' });
  const [single, half] = ['single', 'half'].map((run) => readRun(join(dir, run)).rows.map((row) => row.train_loss));
  assert.ok(single[EPOCHS - 1] < 0.3 * single[0], `${single}`);
  // Measured: 0.14 at most, where the losses fall fastest; after the first steps each run goes its own way.
  for (const [i, loss] of half.entries()) assert.ok(Math.abs(loss - single[i]) < 0.25, `${half} and ${single}`);
});

test('an epoch tells of the scale, a checkpoint holds it', () => {
  assert.equal([...(tensorsOf('half').get('loss_scale')?.data ?? [])], [65536, 2 * EPOCHS, 0]);
  assert.match(log('half'), /after epoch 1: 0 steps skipped in all, loss scale 65536/);
  assert.is(readRun(join(dir, 'half')).args.precision, 'f16');
  assert.not(tensorsOf('single').has('loss_scale'));
});

test('stopped and resumed, it ends with the same bits', async () => {
  await train('stopped', { precision: 'f16', stopAfter: 3 });
  assert.is(tensorsOf('stopped').get('loss_scale')?.data[1], 4);
  await train('stopped', { resume: true });
  const [a, b] = ['stopped', 'half'].map(tensorsOf);
  assert.equal([...a.keys()], [...b.keys()]);
  for (const [name, t] of a) assert.equal(t.data, b.get(name)?.data, name);
});

test('gradients that overflow skip steps until the scale fits, and nothing breaks', async () => {
  await train('overflow', { precision: 'f16', stopAfter: 1 });
  const { tensors, metadata } = readSafetensors(readFileSync(checkpoint('overflow')));
  tensors.set('loss_scale', { dtype: 'F32', shape: [3], data: Float32Array.of(2 ** 26, 0, 0) });
  writeFileSync(checkpoint('overflow'), writeSafetensors(tensors, metadata, { sealed: true }));
  await train('overflow', { resume: true });
  const [scale, goodSteps, skipped] = [...(tensorsOf('overflow').get('loss_scale')?.data ?? [])].map(Number);
  assert.ok(skipped > 0 && goodSteps > 0, `${skipped} skipped, then ${goodSteps} good`);
  assert.is(scale, 2 ** (26 - skipped));
  assert.match(log('overflow'), `after epoch ${EPOCHS}: ${skipped} steps skipped in all, loss scale ${scale}`);
  assert.ok(readRun(join(dir, 'overflow')).rows.every((row) => Number.isFinite(row.train_loss + row.val_loss!)));
});

test('a step takes little more than half the memory', () => {
  const A = new Float32Array(81).fill(1 / 9);
  const model = buildModel(device, { network: 'densenet', model: 'multi_task', imageSize: 112, A });
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const bytes = (precision: 'f32' | 'f16'): number => {
    const learner = new Learner(device, model, {
      embedding: null,
      loss: { classWeights: new Float32Array(7), lambda: 1 },
      precision,
    });
    const { live } = device.stats();
    return learner.memoryOfTraining(35, 112, optimizer) - live;
  };
  const [half, single] = [bytes('f16'), bytes('f32')];
  // Measured: 200 of 335 MiB before weights and their momentum; what stays f32 are partial sums and the places of maxima.
  assert.ok(half < 0.6 * single, `${half} of ${single} bytes`);
  release(device, model);
});

test('an adapter without f16 is refused by name', async () => {
  const { adapter, software } = await requestAdapter();
  const without = {
    limits: adapter.limits,
    info: adapter.info,
    features: new Set([...adapter.features].filter((f) => f !== 'shader-f16')),
    requestDevice: (d: GPUDeviceDescriptor) => adapter.requestDevice(d),
  } as unknown as GPUAdapter;
  const plain = await Device.create(without, { software });
  try {
    const model = buildModel(plain, { network: 'bregnext', model: 'single_task', imageSize: 16 });
    const common = { embedding: null, loss: { classWeights: new Float32Array(7), lambda: 1 } };
    assert.ok(new Learner(plain, model, { ...common, precision: 'f32' }));
    assert.throws(
      () => new Learner(plain, model, { ...common, precision: 'f16' }),
      (e: Error) =>
        e instanceof InputError && /no f16 \(shader-f16\), which --precision f16 needs: leave it out/.test(e.message),
    );
    assert.throws(() => tensor(plain, [1], [1], { dtype: 'f16' }), /no f16 \(shader-f16\)/);
  } finally {
    plain.destroy();
  }
});

test.run();
