// Nothing is lost: checkpoints at the start, within epochs and at their ends, and what a run does when one cannot be written or its
// device goes.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { type Device, DeviceLost } from '../../src/device';
import { readSafetensors } from '../../src/formats/safetensors';
import type { StepEvent, TrainHooks } from '../../src/train/loop/events';
import { Trainer, type TrainerOptions } from '../../src/train/loop/trainer';
import { parseResults } from '../../src/train/run/results';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { failure } from './failure';

const test = suite('survive');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-survive-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 24, validation: 14, seed: 5, size: 96 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** A network that has running statistics too, and takes three times as long. */
const NORMED = { network: 'bregnext', image_size: 16 } as const;

/** Six steps an epoch, of which each is saved. */
const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'denselite', emb: 'random' },
    ...{ image_size: 32, batch_size: 4, epochs: 2, class_weights: 'none', ema: 0.9, save_every: 1, workers: 1 },
    ...{ cache: join(dir, 'cache'), saved_model: join(dir, name) },
    ...more,
  });
const fileOf = (run: string, file: string): Buffer => readFileSync(join(dir, run, 'weights', `${file}.safetensors`));
const progressOf = (run: string, file = 'last') => JSON.parse(readSafetensors(fileOf(run, file)).metadata.progress);

/** The whole run that others are compared with. */
async function whole(): Promise<void> {
  if (!existsSync(join(dir, 'whole'))) await new Trainer(settings('whole', { save_every: null })).run();
}

function sameAsWhole(run: string, whole = 'whole'): void {
  for (const file of ['last', 'best']) assert.ok(fileOf(run, file).equals(fileOf(whole, file)), `${run}: ${file}`);
  const rows = (name: string) =>
    parseResults(readFileSync(join(dir, name, 'results.csv'), 'utf8'), name).map((row) => ({ ...row, seconds: 0 }));
  assert.equal(rows(run), rows(whole));
}

const resume = (run: string, options: TrainerOptions = {}) => {
  const there = readRunToResume(join(dir, run), {});
  return new Trainer(there.args, { resume: there, ...options });
};

test('checkpoints of every step are whole, hold no times, and each goes on to the same bits, with nothing else of the run', async () => {
  await new Trainer(settings('normed', { ...NORMED, save_every: null })).run();
  let copies = 0;
  const onStep = ({ phase, step, epoch }: StepEvent): void => {
    const kept = join(dir, `at-${epoch}-${phase}-${step}`);
    // What is being written comes and goes.
    const filter = (file: string): boolean => !/lock\.json|\.tmp$/.test(file);
    if (phase === 'train') cpSync(join(dir, 'each'), kept, { recursive: true, filter });
    copies++;
  };
  await new Trainer(settings('each', NORMED), { hooks: { onStep } }).run();
  sameAsWhole('each', 'normed');
  assert.is(copies, 2 * (6 + 4));
  // The first is of step 0. Those within an epoch are written while the next step computes, and are there before the one after it is read.
  assert.equal([progressOf('at-1-train-1').epoch, progressOf('at-1-train-1').step], [0, 0]);
  const steps = readdirSync(dir).filter((name) => name.startsWith('at-'));
  const places = steps.map((name) => progressOf(name)).map(({ epoch, step }) => `${epoch}.${step}`);
  assert.ok(new Set(places).size >= 4, places.join(' '));
  for (const name of ['at-1-train-1', 'at-2-train-3']) {
    for (const lost of ['results.csv', 'metrics.json', 'predictions.csv', 'run.log'])
      rmSync(join(dir, name, lost), { force: true });
    await resume(name).run();
    sameAsWhole(name, 'normed');
  }
});

test('a run that has not begun cannot be resumed, and leaves nothing', async () => {
  const stop = new AbortController();
  const onDevice = (): void => {
    assert.equal(readdirSync(join(dir, 'early')), ['lock.json'], 'only who writes it');
    stop.abort();
  };
  const cache = 'off';
  const run = new Trainer(settings('early', { cache }), { hooks: { onDevice } }).run(stop.signal);
  assert.is(await failure(run), stop.signal.reason);
  assert.not(existsSync(join(dir, 'early')));
});

test('save() makes the next step write a checkpoint', async () => {
  const onStep = ({ phase, step }: StepEvent): void => {
    if (phase === 'train' && step === 1) trainer.save();
  };
  const args = settings('asked', { save_every: null, epochs: 1 });
  const trainer = new Trainer(args, { hooks: { onStep } });
  await trainer.run();
  // The second step was on its way when the first was told.
  assert.equal([progressOf('asked', 'previous').epoch, progressOf('asked', 'previous').step], [0, 3]);
  assert.is(progressOf('asked').epoch, 1);
});

test('a device that is lost is opened again: the same bits; lost again and again, the run ends and can be resumed', async () => {
  await whole();
  const devices: Device[] = [];
  const notices: string[] = [];
  const losing = (when: (event: StepEvent) => boolean): TrainHooks => ({
    onDevice: (device) => void devices.push(device),
    onNotice: (line) => void notices.push(line),
    onStep: (event) => {
      if (when(event)) devices.at(-1)?.destroy();
    },
  });
  let left = 2;
  const twice = losing(({ phase, epoch, step }) => epoch === 2 && (phase === 'validate' || step === 2) && left-- > 0);
  await new Trainer(settings('lost'), { hooks: twice }).run();
  assert.is(devices.length, 3);
  assert.is(notices.filter((line) => /it is opened again \(\d of 3 times in a row\)$/.test(line)).length, 2);
  sameAsWhole('lost');

  devices.length = 0;
  const always = losing(({ phase, epoch }) => epoch === 1 && phase === 'train');
  const error = await failure(new Trainer(settings('gone', { save_every: null }), { hooks: always }).run());
  assert.instance(error, DeviceLost);
  assert.is(devices.length, 4);
  await resume('gone').run();
  sameAsWhole('gone');
});

test('a checkpoint that cannot be written ends the run; what was saved before goes on', async () => {
  await whole();
  const onStep = ({ phase, epoch, step }: StepEvent): void => {
    // As if another program had taken the folder over.
    if (phase === 'train' && epoch === 1 && step === 2) rmSync(join(dir, 'taken', 'lock.json'));
  };
  const error = await failure(new Trainer(settings('taken'), { hooks: { onStep } }).run());
  assert.instance(error, MachineError);
  assert.match(error.message, /lock\.json was removed/);
  await resume('taken').run();
  sameAsWhole('taken');
});

test('a dry run tries validation and a checkpoint, and leaves nothing', async () => {
  const [notices, phases]: string[][] = [[], []];
  const hooks: TrainHooks = {
    onNotice: (line) => void notices.push(line),
    onStep: ({ phase }) => void phases.push(phase),
  };
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('emotion-gcn-try-'));
  assert.equal(await new Trainer(settings('dry'), { hooks, dryRun: true }).run(), { status: 'tried' });
  assert.equal(phases, []);
  assert.not(existsSync(join(dir, 'dry')));
  assert.equal(
    readdirSync(tmpdir()).filter((name) => name.startsWith('emotion-gcn-try-')),
    before,
  );
  const bad = new Trainer(settings('dry', { data: join(dir, 'nothing.csv') }), { dryRun: true }).run();
  assert.instance(await failure(bad), InputError);
});

test('a run that goes on is no other program’s to go on with', async () => {
  let refused: Promise<Error> | null = null;
  const onStep = (): void => {
    refused ??= failure(resume('held').run());
  };
  await new Trainer(settings('held', { epochs: 1 }), { hooks: { onStep } }).run();
  const error = await (refused as Promise<Error> | null);
  assert.instance(error, InputError);
  assert.match((error as Error).message, `${process.pid}`);
});

test.run();
