// Faces are prepared as a training comes to them: the same bits whatever does it and when, and what becomes of bad pictures.
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TooManyBad, writeSyntheticSet } from '../../src/data';
import { readSafetensors } from '../../src/formats/safetensors';
import type { StepEvent } from '../../src/train/loop/events';
import { Trainer, type TrainerOptions } from '../../src/train/loop/trainer';
import { readHashes } from '../../src/train/run/hashes';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('faces prepared as they are needed');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-lazy-'));
const [whole, broken] = ['whole', 'broken'].map((name) => join(dir, name));
let images: string[] = [];

test.before(async () => {
  const { training } = await writeSyntheticSet({ out: whole, n: 42, validation: 14, seed: 3, size: 64 });
  images = readFileSync(training, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[0]);
  cpSync(whole, broken, { recursive: true });
  for (const i of [3, 17, 18]) writeFileSync(join(broken, images[i]), 'no picture');
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = (name: string, from: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: from, data: join(from, 'training.csv'), val_data: join(from, 'validation.csv') },
    ...{ network: 'denselite', model: 'multi_task', image_size: 32, batch_size: 8, epochs: 2, class_weights: 'none' },
    ...{ cache: join(dir, 'cache'), saved_model: join(dir, 'runs', name) },
    ...more,
  });

interface Found {
  readonly hashes: unknown;
  readonly notices: string[];
}

async function train(args: TrainArgs, options: TrainerOptions = {}, signal?: AbortSignal): Promise<Found> {
  const notices: string[] = [];
  const hooks = { ...options.hooks, onNotice: (line: string) => void notices.push(line) };
  await new Trainer(args, { ...options, hooks }).run(signal);
  return { hashes: readHashes(args.saved_model), notices };
}

const progressOf = (run: string) =>
  JSON.parse(readSafetensors(readFileSync(join(dir, 'runs', run, 'weights', 'last.safetensors'))).metadata.progress);

test('the same bits with one thread and with eight, with a cache that is empty, full, half cleared, too small and none', async () => {
  const epochs = 1;
  const { hashes } = await train(settings('cold', whole, { epochs }));
  const others: Record<string, Partial<TrainArgs>> = {
    warm: { workers: 8 },
    none: { workers: 1, cache: 'off' },
    limited: { workers: 8, cache: join(dir, 'small'), cache_limit: 1e-5 },
    verified: { verify: true },
  };
  for (const [name, more] of Object.entries(others))
    assert.equal((await train(settings(name, whole, { epochs, ...more }))).hashes, hashes, name);
  const onStep = ({ step }: StepEvent): void => {
    if (step === 2) rmSync(join(dir, 'cache'), { recursive: true, force: true });
  };
  assert.equal((await train(settings('cleared', whole, { epochs }), { hooks: { onStep } })).hashes, hashes, 'cleared');
});

test('bad pictures are named once, replaced in training; a run that was stopped and resumed has the same bits', async () => {
  const max_bad = 0.1;
  const { hashes, notices } = await train(settings('bad', broken, { max_bad }));
  const left = notices.filter((line) => line.startsWith('left out:'));
  assert.is(left.length, 3, left.join('\n'));
  for (const i of [3, 17, 18])
    assert.ok(left.some((line) => line.includes(`training.csv line ${i + 2}: ${images[i]}: not an image`)));
  assert.is(notices.filter((line) => line.startsWith('42 training and 14 validation faces')).length, 1);
  assert.equal([...progressOf('bad').bad].sort(), [17, 18, 3]);

  const stop = new AbortController();
  const onStep = ({ phase, step, epoch }: StepEvent): void => {
    if (phase === 'train' && epoch === 1 && step === 4) stop.abort();
  };
  await train(settings('stopped', broken, { max_bad, workers: 1 }), { hooks: { onStep } }, stop.signal);
  const resume = readRunToResume(join(dir, 'runs', 'stopped'), {});
  assert.equal((await train(resume.args, { resume })).hashes, hashes);
  assert.equal(progressOf('stopped').bad, progressOf('bad').bad, 'in the order in which they were found');
});

test('more bad pictures than may be end the run, saved as it stands; with the files mended it goes on to the same bits', async () => {
  const { hashes } = await train(settings('right', whole));
  const mending = join(dir, 'mending');
  cpSync(broken, mending, { recursive: true });
  const args = settings('many', mending, { max_bad: 0.03 });
  const ended = (work: Promise<unknown>): Promise<Error> =>
    work.then(
      () => assert.unreachable('expected it to end') as never,
      (error) => error,
    );
  const error = await ended(train(args));
  assert.instance(error, TooManyBad);
  assert.match(error.message, /^2 of 42 rows and images cannot be used, more than 3 % \(--max_bad 0.03\):\n/);
  const resume = () => readRunToResume(join(dir, 'runs', 'many'), {});
  assert.instance(await ended(train(resume().args, { resume: resume() })), TooManyBad);
  rmSync(mending, { recursive: true });
  cpSync(whole, mending, { recursive: true });
  await train(resume().args, { resume: resume() });
  // Steps before the end may have seen a replaced picture, so only the course is compared: as many, all finite.
  assert.is((readHashes(args.saved_model) as unknown[]).length, (hashes as unknown[]).length);
});

test('of validation pictures the bad ones are left out; a wrong folder is refused before anything is learnt', async () => {
  const args = settings('elsewhere', whole, { image_dir: join(dir, 'runs') });
  const error = await train(args).catch((e) => e);
  assert.instance(error, TooManyBad);
  assert.match(error.message, /no such file/);
  assert.not(existsSync(args.saved_model));

  const some = join(dir, 'some');
  cpSync(whole, some, { recursive: true });
  const validation = readFileSync(join(some, 'validation.csv'), 'utf8').trim().split('\n').slice(1);
  renameSync(join(some, validation[5].split(',')[0]), join(some, 'away.jpg'));
  const { notices } = await train(settings('some', some, { max_bad: 0.1, epochs: 1 }));
  assert.ok(notices.some((line) => /left out: validation.csv line 7: .*: no such file/.test(line)));
  const { samples } = JSON.parse(readFileSync(join(dir, 'runs', 'some', 'metrics.json'), 'utf8'));
  assert.is(samples, 13);
});

test('a run of the version before goes on by its rule: all faces first, bad ones are no samples', async () => {
  let prepared = 0;
  const onPrepare = (done: number): void => {
    prepared = done;
  };
  const { notices } = await train(settings('before', broken, { max_bad: 0.1, epochs: 1 }), {
    ...{ formatVersion: 2, hooks: { onPrepare } },
  });
  assert.is(prepared, 14, 'the validation set comes last');
  assert.ok(notices.some((line) => line.startsWith('39 training and 14 validation faces')));
  const { format_version } = JSON.parse(readFileSync(join(dir, 'runs', 'before', 'args.json'), 'utf8'));
  assert.is(format_version, 2);
});

test.run();
