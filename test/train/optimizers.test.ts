// Whole trainings by Adam and AdamW, and with clipped gradients.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { Trainer } from '../../src/train/loop/trainer';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('optimizers');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-optimizers-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 28, validation: 14, seed: 3, size: 48 });
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
    batch_size: 7,
    epochs: 3,
    augment: false,
    class_weights: 'none',
    max_bad: 0,
    cache: join(dir, 'cache'),
    saved_model: join(dir, name),
    ...more,
  });
const checkpoint = (run: string): string => join(dir, run, 'weights/last.safetensors');
const tensorsOf = (run: string) => readSafetensors(readFileSync(checkpoint(run))).tensors;

/** Trains a new run, or goes on with the one of that name where nothing is given; `stopAfter`: as if Ctrl-C came after so many steps. */
async function train(
  name: string,
  more: Partial<TrainArgs> | null,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  const onStep = ({ phase }: { phase: string }): void => {
    if (phase === 'train' && ++seen === stopAfter) stop.abort();
  };
  const run = more ? undefined : readRunToResume(join(dir, name), {});
  await new Trainer(run?.args ?? settings(name, more ?? {}), { hooks: { onStep }, resume: run }).run(stop.signal);
}

function same(a: string, b: string): void {
  const [x, y] = [a, b].map(tensorsOf);
  assert.equal([...x.keys()], [...y.keys()]);
  for (const [name, { data }] of x) assert.equal(data, y.get(name)?.data, name);
}

test('adam learns', async () => {
  await train('adam', { optimizer: 'adam', epochs: 8, batch_size: 14, shuffle: false });
  const { rows, args } = readRun(join(dir, 'adam'));
  assert.ok(rows[7].train_loss < 0.6 * rows[0].train_loss, `${rows.map((r) => r.train_loss)}`);
  assert.equal([args.optimizer, args.momentum, args.betas, args.eps], ['adam', null, [0.9, 0.999], 1e-8]);
  const last = tensorsOf('adam');
  assert.equal([...(last.get('step.fc_cat.weight')?.data ?? [])], [16]);
  assert.not([...last.keys()].some((name) => name.startsWith('momentum.')));
});

test('f16 with skipped steps, two batches a step, averaged weights, clipped: stopped and resumed, the same bits', async () => {
  const more = {
    optimizer: 'adamw',
    precision: 'f16',
    grad_accum_steps: 2,
    ema: 0.9,
    clip_grad_norm: 0.5,
    backbone_lr: 3e-4,
  } as const;
  await train('whole', more, 2);
  // Both go on with a loss scale that overflows.
  const { tensors, metadata } = readSafetensors(readFileSync(checkpoint('whole')));
  tensors.set('loss_scale', { dtype: 'F32', shape: [3], data: Float32Array.of(2 ** 26, 0, 0) });
  writeFileSync(checkpoint('whole'), writeSafetensors(tensors, metadata, { sealed: true }));
  cpSync(join(dir, 'whole'), join(dir, 'parts'), { recursive: true });
  await train('whole', null);
  await train('parts', null, 4);
  await train('parts', null);
  same('parts', 'whole');
  const last = tensorsOf('whole');
  const [, , skipped] = [...(last.get('loss_scale')?.data ?? [])].map(Number);
  const [steps] = [...(last.get('step.fc_cat.weight')?.data ?? [])].map(Number);
  // Four batches an epoch: six steps of the optimizer in all.
  assert.ok(skipped > 0 && steps > 0, `${skipped} skipped, ${steps} taken`);
  assert.is(steps + skipped, 6);
});

test('clipped gradients: one step of SGD is lr times the limit long, by accumulation and f16 too', async () => {
  const common = { epochs: 1, momentum: 0, weight_decay: 0, lr: 0.5, limit: 14, shuffle: false } as const;
  const start = new Map<string, ArrayLike<number | bigint>>();
  await train('start', { ...common, lr: 1e-30 });
  for (const [name, { data }] of tensorsOf('start')) start.set(name, data);
  for (const [name, more] of Object.entries({
    whole: { batch_size: 14 },
    halves: { batch_size: 7, grad_accum_steps: 2, precision: 'f16' },
  } as const)) {
    await train(`clipped-${name}`, { ...common, ...more, clip_grad_norm: 0.01 });
    let squares = 0;
    for (const [key, { data }] of tensorsOf(`clipped-${name}`)) {
      if (/running|num_batches|loss_scale/.test(key)) continue;
      const before = start.get(key) as ArrayLike<number>;
      data.forEach((v, i) => {
        squares += (Number(v) - before[i]) ** 2;
      });
    }
    // 1e-6 is added to a norm of some 1; what is subtracted rounds to 2^-24 of weights of up to 1, 0.005 / sqrt(400,000) each.
    assert.ok(Math.abs(Math.sqrt(squares) / 0.005 - 1) < 0.01, `${name}: ${Math.sqrt(squares)}`);
  }
});

test('what is not the run’s own optimizer is refused by name', () => {
  assert.throws(
    () => readRunToResume(join(dir, 'adam'), { optimizer: 'adamw' }),
    /--optimizer adamw differs from the run's own adam/,
  );
  assert.throws(
    () => readRunToResume(join(dir, 'adam'), { betas: '0.8,0.9' }),
    /--betas 0.8,0.9 differs from the run's own 0.9,0.999/,
  );
  assert.is(readRunToResume(join(dir, 'adam'), { betas: ['0.9', '0.999'] }).args.optimizer, 'adam');
});

test.run();
