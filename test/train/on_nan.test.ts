// Runs with steps that are not finite: stopped before them and resumed, or gone on without them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MachineError } from '../../src/base/errors';
import { type Batch, Loader, writeSyntheticSet } from '../../src/data';
import { readSafetensors } from '../../src/formats/safetensors';
import { Trainer } from '../../src/train/loop/trainer';
import { type Run, readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('on_nan');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-on-nan-'));
const [faces, cache] = [join(dir, 'faces'), join(dir, 'cache')];
/** Batches to spoil, as `epoch.step`, both from 0: their first valence becomes NaN, and with it the loss. */
const spoilt = new Set<string>();
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 12, validation: 2, seed: 3, size: 48 });
});
test.before.each(() => spoilt.clear());
test.after(() => rmSync(dir, { recursive: true, force: true }));

const epochOf = Loader.prototype.epoch;
Loader.prototype.epoch = async function* (epoch: number, step = 0): AsyncGenerator<Batch, void, undefined> {
  const training = this.samples === 12;
  let s = step;
  for await (const batch of epochOf.call(this, epoch, step)) {
    if (training && spoilt.has(`${epoch}.${s}`)) batch.va[0] = Number.NaN;
    s++;
    yield batch;
  }
};

/** A network that has running statistics too, and takes three times as long. */
const NORMED = { network: 'bregnext', image_size: 16 } as const;

/** Two epochs of six batches. */
const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'denselite', model: 'multi_task' },
    ...{ image_size: 32, batch_size: 2, epochs: 2, class_weights: 'none', max_bad: 0, workers: 1, cache },
    saved_model: join(dir, name),
    ...more,
  });

/** @param stopAfter ends it as Ctrl-C does after so many steps of an epoch */
async function go(args: TrainArgs, resume?: Run, stopAfter = 0): Promise<string[]> {
  const stopping = new AbortController();
  const said: string[] = [];
  const hooks = {
    onNotice: (line: string) => void said.push(line),
    onStep: ({ step }: { step: number }) => {
      if (step === stopAfter) stopping.abort();
    },
  };
  await new Trainer(args, { hooks, resume }).run(stopping.signal);
  return said;
}

const train = (name: string, more: Partial<TrainArgs> = {}): Promise<string[]> => go(settings(name, more));

function resume(name: string, given: Record<string, unknown> = {}, stopAfter = 0): Promise<string[]> {
  const run = readRunToResume(join(dir, name), given);
  return go(run.args, run, stopAfter);
}

async function failure(fn: () => Promise<unknown>): Promise<string> {
  try {
    await fn();
  } catch (error) {
    assert.instance(error, MachineError, String((error as Error).stack));
    return (error as Error).message;
  }
  return assert.unreachable('expected an error') as never;
}

const file = (name: string, which: string) => readFileSync(join(dir, name, `weights/${which}.safetensors`));
const progressOf = (name: string) => JSON.parse(readSafetensors(file(name, 'last'), '').metadata.progress);

function same(a: string, b: string): void {
  for (const which of ['last', 'best'])
    assert.is(Buffer.compare(file(a, which), file(b, which)), 0, `${which} of ${a} and ${b}`);
}

for (const [kind, more, place] of [
  ['sgd', {}, '0.0'],
  ['adamw, averaged, two batches a step', { ...NORMED, optimizer: 'adamw', ema: 0.9, grad_accum_steps: 2 }, '1.4'],
  ['f16, clipped, four batches a step', { precision: 'f16', clip_grad_norm: 1, grad_accum_steps: 4 }, '0.2'],
] as const)
  test(`${kind}: stopped before a step that is not finite and resumed, a run ends with the bits of one without it`, async () => {
    const [whole, run] = ['whole', 'stopped'].map((what) => `${kind.split(',')[0]}-${what}`);
    await train(whole, more);
    const [epoch, step] = place.split('.').map(Number);
    spoilt.add(place);
    const said = await failure(() => train(run, more));
    assert.match(
      said,
      /^the loss is NaN in epoch \d, step \d: training diverged \(cont is NaN at \[0\]\); start again with a .*, or go on without that step by --resume --on_nan skip$/,
    );
    assert.ok(said.startsWith(`the loss is NaN in epoch ${epoch + 1}, step ${step + 1}: `), said);
    const each = 'grad_accum_steps' in more ? more.grad_accum_steps : 1;
    const wanted = step - (step % each);
    const { tally, ...progress } = progressOf(run);
    assert.equal([progress.epoch, progress.step, tally.steps, tally.skipped], [epoch, wanted, wanted, 0]);
    // As long as nothing changes, it ends so again.
    if (kind === 'sgd') assert.is(await failure(() => resume(run)), said);
    spoilt.clear();
    await resume(run);
    same(run, whole);
  });

test('skipped: the run goes on, says how many, and leaves them out of its means; stopped, changed and resumed, the same bits', async () => {
  const more = { ...NORMED, on_nan: 'skip', ema: 0.9, grad_accum_steps: 2, optimizer: 'adam' } as const;
  // Of the first epoch the second step, of the second the first and the last.
  for (const place of ['0.3', '1.0', '1.5']) spoilt.add(place);
  const said = await train('skipping', more);
  const { rows } = readRun(join(dir, 'skipping'));
  assert.equal(
    rows.map(({ skipped }) => skipped),
    [2, 4],
  );
  assert.ok(rows.every((row) => [row.train_loss, row.train_cat, row.train_cont, row.val_loss].every(Number.isFinite)));
  assert.ok(said.includes('epoch 1: 2 of 6 steps skipped, not finite'), said.join('\n'));
  assert.ok(said.includes('epoch 2: 4 of 6 steps skipped, not finite'), said.join('\n'));
  const { tensors } = readSafetensors(file('skipping', 'last'), '');
  assert.equal([...(tensors.get('step.fc_cat.weight')?.data ?? [])], [3], 'three of six steps were taken');
  const counts = [...tensors]
    .filter(([name]) => name.endsWith('num_batches_tracked'))
    .map(([, { data }]) => Number(data[0]));
  assert.ok(counts.length > 40 && counts.every((n) => n === 6), `${counts}`);
  // Stops before the second step, goes on without it, is stopped after it.
  assert.match(await failure(() => train('skipping-parts', { ...more, on_nan: 'stop' })), /in epoch 1, step 4:/);
  await resume('skipping-parts', { on_nan: 'skip' }, 4);
  assert.is(progressOf('skipping-parts').tally.skipped, 2);
  await resume('skipping-parts');
  same('skipping-parts', 'skipping');
});

test('an epoch of which every step is skipped ends the run, as it was before that epoch', async () => {
  for (let s = 0; s < 6; s++) spoilt.add(`1.${s}`);
  assert.match(
    await failure(() => train('hopeless', { on_nan: 'skip' })),
    /^no step of epoch 2 is finite: training diverged \(cont is NaN at \[0\]\)/,
  );
  const { epoch, step, tally } = progressOf('hopeless');
  assert.equal([epoch, step, tally.steps, tally.skipped], [1, 0, 0, 0]);
  spoilt.clear();
  await resume('hopeless');
  same('hopeless', 'sgd-whole');
});

test('a rate that makes weights infinite: what is saved can be read, and ends in the same way', async () => {
  const said = await failure(() => train('steep', { lr: 1e38, save_every: 1 }));
  assert.match(said, /in epoch 1, step \d: training diverged \(\S+ is (NaN|-?Infinity) at \[/);
  assert.is(await failure(() => resume('steep')), said);
});

test.run();
