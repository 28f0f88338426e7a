import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import type { Device } from '../../src/device';
import { readSafetensors } from '../../src/formats/safetensors';
import type { StepEvent } from '../../src/train/loop/events';
import type { Outcome } from '../../src/train/loop/session';
import { Trainer } from '../../src/train/loop/trainer';
import { evaluate } from '../../src/train/measures/evaluate';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import { predict } from '../../src/train/measures/predict';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('trainer');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-trainer-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 42, validation: 14, seed: 3, size: 96 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    image_dir: faces,
    data: set.training,
    val_data: set.validation,
    network: 'bregnext',
    emb: 'random',
    image_size: 16,
    batch_size: 8,
    epochs: 2,
    class_weights: 'none',
    max_bad: 0,
    cache: join(dir, 'cache'),
    saved_model: join(dir, name),
    ...more,
  });
const bytes = (run: string, file: string): Buffer => readFileSync(join(dir, run, file));

/** Trains, stopping as by Ctrl-C after `steps` training steps. */
async function trainStopped(args: TrainArgs, steps: number, resume?: string): Promise<Outcome> {
  const stop = new AbortController();
  let seen = 0;
  const onStep = ({ phase }: { phase: string }): void => {
    if (phase === 'train' && ++seen === steps) stop.abort();
  };
  const run = resume ? readRunToResume(join(dir, resume), {}) : undefined;
  return new Trainer(run?.args ?? args, { hooks: { onStep }, resume: run }).run(stop.signal);
}

test('a run leaves its folder complete', async () => {
  const notices: string[] = [];
  const order: string[] = [];
  const hooks = {
    onNotice: (line: string) => void notices.push(line),
    onDevice: ({ pool }: Device) => void order.push(pool.stats().peak < 2 ** 20 ? 'fresh device' : 'late device'),
    onStep: ({ phase, step }: StepEvent) => void (step === 1 && order.push(phase)),
  };
  const outcome = await new Trainer(settings('whole'), { hooks }).run();
  assert.is(outcome.status, 'finished');
  assert.equal(order, ['fresh device', 'train', 'validate', 'train', 'validate']);
  const run = readRun(join(dir, 'whole'));
  assert.is(run.rows.length, 2);
  assert.equal(run.args.classes.length, 7);
  assert.ok(run.metrics && run.metrics.best_epoch >= 1 && run.metrics.accuracy > 0);
  for (const row of run.rows) assert.ok(Number.isFinite(row.train_loss) && Number.isFinite(row.val_loss));
  assert.is(bytes('whole', 'results.png').subarray(1, 4).toString(), 'PNG');
  for (const name of ['confusion_matrix', 'valence_arousal', 'label_graph']) {
    assert.is(bytes('whole', `${name}.png`).subarray(1, 4).toString(), 'PNG');
    assert.is(bytes('whole', `${name}.svg`).subarray(0, 4).toString(), '<svg');
  }
  const manifest = JSON.parse(bytes('whole', 'manifest.json').toString());
  assert.is(manifest.data[set.training], createHash('sha256').update(readFileSync(set.training)).digest('hex'));
  assert.match(manifest.versions.webgpu, /^\d+\.\d+\.\d+$/);
  assert.ok(
    notices.some((l) => l.includes('label graph is made')),
    'says that it made the graph',
  );
  const best = readSafetensors(bytes('whole', 'weights/best.safetensors'));
  assert.ok(best.tensors.has('model._model.5.running_var') && !best.tensors.has('momentum.gc1.weight'));
  const last = readSafetensors(bytes('whole', 'weights/last.safetensors'));
  assert.ok(last.tensors.has('momentum.gc1.weight') && last.tensors.has('gc1.weight'));
  assert.not(last.tensors.has('momentum.A'), 'A has no gradient, so no momentum');
  assert.is(Number(last.tensors.get('model._model.5.num_batches_tracked')?.data[0]), 12, 'two epochs of six steps');
});

test('stopped in the middle of an epoch and resumed, it ends with the same bits', async () => {
  assert.equal(await trainStopped(settings('stopped'), 2), { status: 'interrupted', epoch: 1, step: 3 });
  assert.is((await trainStopped(settings('stopped'), 5, 'stopped')).status, 'interrupted');
  assert.is((await trainStopped(settings('stopped'), Number.POSITIVE_INFINITY, 'stopped')).status, 'finished');
  const numbers = (run: string) => readRun(join(dir, run)).rows.map(({ seconds: _, ...row }) => row);
  assert.equal(numbers('stopped'), numbers('whole'));
  const [a, b] = ['stopped', 'whole'].map((run) => readSafetensors(bytes(run, 'weights/last.safetensors')).tensors);
  assert.equal([...a.keys()], [...b.keys()]);
  for (const [name, t] of a) assert.equal(t.data, b.get(name)?.data, name);
});

test('DenseNet, with clipped gradients and Adam: stopped in the middle of an epoch and resumed, the same bits', async () => {
  const more = { network: 'densenet', model: 'single_task', image_size: 32, limit: 24, optimizer: 'adam' } as const;
  const args = (name: string) => settings(name, { ...more, clip_grad_norm: 1, epochs: 1, betas: null, eps: null });
  assert.is((await new Trainer(args('dense')).run()).status, 'finished');
  assert.equal(await trainStopped(args('dense-stopped'), 1), { status: 'interrupted', epoch: 1, step: 2 });
  assert.is((await trainStopped(args('dense-stopped'), Number.POSITIVE_INFINITY, 'dense-stopped')).status, 'finished');
  for (const file of ['weights/best.safetensors', 'metrics.json', 'predictions.csv'])
    assert.ok(bytes('dense', file).equals(bytes('dense-stopped', file)), file);
  const [a, b] = ['dense', 'dense-stopped'].map(
    (run) => readSafetensors(bytes(run, 'weights/last.safetensors')).tensors,
  );
  assert.equal([...a.keys()], [...b.keys()]);
  for (const [name, t] of a) assert.equal(t.data, b.get(name)?.data, name);
  assert.is(Number(a.get('features.norm0.num_batches_tracked')?.data[0]), 3);
});

test('the number of workers does not change a bit', async () => {
  await new Trainer(settings('workers', { workers: 1, cache: 'off', epochs: 1 })).run();
  const [a] = readRun(join(dir, 'workers')).rows;
  const [b] = readRun(join(dir, 'whole')).rows;
  assert.is(a.train_loss, b.train_loss);
  assert.is(a.val_loss, b.val_loss);
});

test('evaluation of the best weights gives the metrics of the run', async () => {
  const run = readRun(join(dir, 'whole'));
  const common = { image_dir: faces, workers: 2, batch_size: 5, max_bad: 0, gpu: null, cache: join(dir, 'cache') };
  const { metrics, predictions } = await evaluate(run, { ...common, data: set.validation });
  assert.is(
    predictions.split('\n')[1].split(',')[0],
    readFileSync(set.validation, 'utf8').split('\n')[1].split(',')[0],
  );
  assert.equal(metrics.confusion, run.metrics?.confusion);
  // Another batch size may choose another tile: sums in another order.
  assert.ok(Math.abs((metrics.ccc_valence ?? 0) - (run.metrics?.ccc_valence ?? 1)) < 1e-5);
});

test('prediction: probabilities, valence and arousal of pictures', async () => {
  const run = readRun(join(dir, 'whole'));
  const image = join(faces, readFileSync(set.validation, 'utf8').split('\n')[1].split(',')[0]);
  const predictions: FacePrediction[] = [];
  for await (const prediction of predict(run, [image, image], { faces: 'none' })) predictions.push(prediction);
  const [p, again] = predictions;
  const shares = p.probabilities as Record<string, number>;
  assert.ok(Math.abs(Object.values(shares).reduce((a, b) => a + b, 0) - 1) < 1e-5);
  assert.is(shares[p.expression as string], Math.max(...Object.values(shares)));
  assert.type(p.valence, 'number');
  assert.equal(p.probabilities, again.probabilities);
});

test('wrong inputs: a batch that fits no memory, an image that is none, a taken folder', async () => {
  const refuse = async (args: TrainArgs, wanted: RegExp): Promise<void> => {
    try {
      await new Trainer(args).run();
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InputError);
      assert.match((error as Error).message, wanted);
    }
  };
  await refuse(settings('whole'), /--resume/);
  await refuse(settings('gone', { image_dir: dir }), /cannot be used/);
  assert.throws(() => readRun(join(dir, 'gone')), /nothing there/, 'a run that failed at its start leaves nothing');
});

test('gradients averaged over two batches, an average of the weights and a backbone rate: resumed, the same bits', async () => {
  const more = { grad_accum_steps: 2, ema: 0.9, backbone_lr: 0.0005, warmup: 3, batch_size: 5 };
  await new Trainer(settings('averaged', more)).run();
  // In the middle of a group of two: the run ends after the group.
  const stopped = await trainStopped(settings('averaged-stopped', more), 3);
  assert.is(stopped.status, 'interrupted');
  assert.is((stopped as { step: number }).step % 2, 0);
  await trainStopped(settings('averaged-stopped', more), Number.POSITIVE_INFINITY, 'averaged-stopped');
  for (const file of ['weights/best.safetensors', 'metrics.json', 'predictions.csv'])
    assert.ok(bytes('averaged', file).equals(bytes('averaged-stopped', file)), file);
  const [last, best] = ['last', 'best'].map((which) =>
    readSafetensors(bytes('averaged', `weights/${which}.safetensors`)),
  );
  const name = 'model._conv0.weight';
  assert.ok(last.tensors.has(`ema.${name}`) && !best.tensors.has(`ema.${name}`));
  const { best_epoch } = readRun(join(dir, 'averaged')).metrics!;
  if (best_epoch === 2) assert.equal(best.tensors.get(name)!.data, last.tensors.get(`ema.${name}`)!.data);
});

test('two batches whose gradients are averaged give the step of both together, where the loss is a mean', async () => {
  // single_task without class weights: its loss is a mean over images; batch norm sees another batch, so it is frozen.
  const common = {
    model: 'single_task',
    freeze_backbone: true,
    epochs: 1,
    augment: false,
    shuffle: false,
    limit: 16,
  } as const;
  await new Trainer(settings('together', { ...common, batch_size: 8 })).run();
  await new Trainer(settings('halves', { ...common, batch_size: 4, grad_accum_steps: 2 })).run();
  const [a, b] = ['together', 'halves'].map((run) => readSafetensors(bytes(run, 'weights/last.safetensors')).tensors);
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data as Float32Array;
    // Sums in another order: a few roundings of float32 a step.
    (data as Float32Array).forEach((v, i) => {
      assert.ok(Math.abs(Number(v) - Number(other[i])) <= 1e-6, `${name}[${i}]: ${v}, ${other[i]}`);
    });
  }
});

test('a frozen backbone stays as it was, running statistics too, while the head learns', async () => {
  const tensors = (run: string) => readSafetensors(bytes(run, 'weights/last.safetensors')).tensors;
  const [early, late] = ['halves', 'halves-late'].map((run) => run);
  const common = { model: 'single_task', freeze_backbone: true, augment: false, shuffle: false, limit: 16 } as const;
  await new Trainer(settings(late, { ...common, epochs: 3, batch_size: 4, grad_accum_steps: 2 })).run();
  for (const [name, { data }] of tensors(early)) {
    if (name.startsWith('_fc0')) assert.not.equal(tensors(late).get(name)!.data, data, name);
    else if (!name.startsWith('momentum')) assert.equal(tensors(late).get(name)!.data, data, name);
  }
});

test.run();
