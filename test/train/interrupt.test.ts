// Stopped from outside before, between and after steps; and a run that has no checkpoint to go on from.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { orAborted } from '../../src/base/abort';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { toJson } from '../../src/train/run/write';
import { readTrainArgs } from '../../src/train/settings/args';
import { mockRun, dir as mocks } from './mock_session';

const test = suite('interrupt');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-interrupt-'));
let set: { training: string; validation: string };
test.before(async () => {
  set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 140, validation: 7, size: 48 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = () =>
  readTrainArgs({
    ...{ image_dir: join(dir, 'faces'), data: set.training, val_data: set.validation, network: 'bregnext' },
    ...{ model: 'single_task', image_size: 16, cache: 'off', workers: 2, saved_model: join(dir, 'run') },
  });

/** What `work` is rejected with. */
const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.unreachable('expected it to be stopped'),
    (error) => error,
  );

test('stopped while it is tried, a new run leaves nothing', async () => {
  const stop = new AbortController();
  const onDevice = (): void => stop.abort();
  const run = new Trainer(settings(), { hooks: { onDevice } }).run(stop.signal);
  assert.is(await rejection(run), stop.signal.reason);
  assert.not(existsSync(join(dir, 'run')));
});

test('what cannot be stopped is not waited for, and given back when it comes', async () => {
  const stop = new AbortController();
  let come: (value: string) => void = () => {};
  const got: string[] = [];
  const work = orAborted(new Promise<string>((done) => (come = done)), stop.signal, (value) => got.push(value));
  stop.abort();
  assert.is(await rejection(work), stop.signal.reason);
  come('a device');
  await new Promise((done) => setTimeout(done));
  assert.equal(got, ['a device']);
  assert.is(await orAborted(Promise.resolve(3), new AbortController().signal), 3);
});

test('validation stops after the batch in flight, and is done again when the run goes on', async () => {
  const stop = new AbortController();
  const onStep = ({ phase }: { phase: string }): void => {
    if (phase === 'train') stop.abort();
  };
  // 8 faces in one batch: the signal comes in the only step of the epoch.
  const first = await mockRun('validation', { epochs: 1, batch_size: 8 }, { hooks: { onStep } });
  assert.equal(await first.session.run(stop.signal), { status: 'interrupted', epoch: 1, step: 1 });
  assert.equal(readRun(join(mocks, 'validation')).rows, []);
  const again = await mockRun('validation', { epochs: 1, batch_size: 8 });
  assert.is((await again.session.run()).status, 'finished');
  assert.is(readRun(join(mocks, 'validation')).rows.length, 1);
});

test('a run without a checkpoint is not resumed, which is said before anything is prepared', async () => {
  const run = settings().saved_model;
  mkdirSync(join(run, 'weights'), { recursive: true });
  writeFileSync(join(run, 'args.json'), toJson({ ...settings(), kernels: {} }));
  const resume = readRunToResume(run, {});
  let opened = 0;
  const error = await rejection(new Trainer(resume.args, { resume, hooks: { onDevice: () => opened++ } }).run());
  assert.instance(error, InputError);
  assert.match((error as Error).message, /last\.safetensors: no such file; the run has lost its checkpoints/);
  assert.is(opened, 0);
});

test.run();
