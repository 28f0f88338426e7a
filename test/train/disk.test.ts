// Disks that are full, run folders that can no more be written, image folders that go away: a clear end, and what was saved is kept.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MachineError } from '../../src/base/errors';
import { prepareCrops, readAnnotations, writeSyntheticSet } from '../../src/data';
import { CLASSES } from '../../src/data/labels';
import { Trainer } from '../../src/train/loop/trainer';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { mockRun, dir as mocks } from './mock_session';

const test = suite('disk');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-disk-'));
const mounted: string[] = [];

/** A file system of so many MiB; null where none may be mounted. */
function mount(name: string, mib: number): string | null {
  const at = join(dir, name);
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', at], { stdio: 'ignore' });
  } catch {
    return null;
  }
  mounted.push(at);
  return at;
}
const unmount = (at: string): void => void execFileSync('umount', [at]);
const small = mount('small', 3);
const withMount = small ? test : test.skip;

const faces = join(dir, 'faces');
/** MiB that a run was foretold to need. */
let needed = 0;
let set: { training: string; validation: string };
test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 70, validation: 7, size: 64 });
});
test.after(() => {
  for (const at of mounted) unmount(at);
  rmSync(dir, { recursive: true, force: true });
});

const settings = (more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'bregnext', emb: 'random' },
    ...{ image_size: 16, batch_size: 8, epochs: 2, workers: 2, cache: join(dir, 'cache') },
    ...{ saved_model: join(dir, 'run') },
    ...more,
  });

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, MachineError, (error as Error).message);
    return (error as Error).message;
  }
  return assert.unreachable('expected to fail') as never;
}

const fill = (at: string, leave: number): void => {
  const { bsize, bfree } = statfsSync(at);
  writeFileSync(join(at, 'filler'), Buffer.alloc(Math.max(0, bsize * bfree - leave)));
};

withMount('faces that do not fit the disk are refused before any is made; what the cache has counts', async () => {
  const at = small as string;
  // 77 of 128 x 128 x 3 bytes are 3.6 MiB.
  const more = { image_size: 128, cache: at };
  assert.match(
    await failure(new Trainer(settings(more)).run()),
    /small: 77 prepared faces of 128 pixels need 3\.6 MiB, its disk has 3\.0 MiB free; make room .*--cache DIR on another disk/,
  );
  assert.equal(readdirSync(at), []);
  assert.not(existsSync(join(dir, 'run')));

  const { train } = await readAnnotations(set.training, { dataset: 'affectnet', classes: CLASSES, imageDir: faces });
  const options = { imageDir: faces, size: 96, cache: at };
  await (await prepareCrops(train.samples, options)).close();
  fill(at, 0);
  const again = await prepareCrops(train.samples, options);
  assert.is(again.made, 0);
  await again.close();
  rmSync(join(at, 'filler'));
});

withMount('a disk that is filled while faces are made: said with the folder, and what was made is used', async () => {
  const at = small as string;
  for (const name of readdirSync(at)) rmSync(join(at, name));
  const { train } = await readAnnotations(set.training, { dataset: 'affectnet', classes: CLASSES, imageDir: faces });
  let made = 0;
  const onProgress = (done: number): void => {
    made ||= done;
    if (!existsSync(join(at, 'filler'))) fill(at, 0);
  };
  const options = { imageDir: faces, size: 96, cache: at, workers: 1 };
  const message = await failure(prepareCrops(train.samples, { ...options, onProgress }));
  assert.match(message, `${at}: prepared faces cannot be written: ENOSPC`);
  rmSync(join(at, 'filler'));
  const again = await prepareCrops(train.samples, options);
  assert.ok(again.made < 70 && again.made >= 70 - made - 8, `${again.made} made again`);
  await again.close();
});

withMount('a run whose weights and checkpoints do not fit is refused before its first step', async () => {
  const at = small as string;
  for (const name of readdirSync(at)) rmSync(join(at, name));
  let steps = 0;
  const run = new Trainer(settings({ saved_model: join(at, 'run') }), { hooks: { onStep: () => steps++ } }).run();
  const message = await failure(run);
  needed = Number(/need ([\d.]+) MiB/.exec(message)?.[1]);
  assert.match(
    message,
    /small\/run: weights and checkpoints need [\d.]+ MiB, its disk has 3\.0 MiB free; .*--saved_model on another disk/,
  );
  assert.is(steps, 0);
  assert.equal(readdirSync(at), []);
});

withMount('a disk that is filled in mid-run ends it with what was saved, and it goes on from there', async () => {
  const at = mount('filled', 100) as string;
  const to = join(at, 'run');
  const onStep = ({ step, phase }: { step: number; phase: string }): void => {
    if (phase === 'train' && step === 3) fill(at, 0);
  };
  const message = await failure(new Trainer(settings({ saved_model: to, save_every: 2 }), { hooks: { onStep } }).run());
  assert.match(message, /cannot be written: ENOSPC/);
  rmSync(join(at, 'filler'));
  const resume = readRunToResume(to, {});
  const resumed: number[] = [];
  const outcome = await new Trainer(resume.args, {
    resume,
    hooks: { onStep: ({ step }) => resumed.push(step) },
  }).run();
  assert.is(outcome.status, 'finished');
  assert.ok(resumed[0] > 1, 'from a checkpoint within the epoch');
  const [best, last] = ['best', 'last'].map(
    (name) => statSync(join(to, 'weights', `${name}.safetensors`)).size / 2 ** 20,
  );
  // 2 MiB are added for all other files; a header has 0.1.
  assert.ok(Math.abs(best + 3 * last + 2 - needed) < 0.5, `${best} and 3 x ${last} MiB, foretold: ${needed}`);
});

test('a run folder that goes away, or may no more be written, ends the run as the machine’s failure', async () => {
  const breaks: Record<string, (run: string) => void> = {
    removed: (run) => rmSync(run, { recursive: true }),
    moved: (run) => renameSync(run, `${run}-elsewhere`),
    weights: (run) => rmSync(join(run, 'weights'), { recursive: true }),
  };
  if (process.getuid?.() !== 0) breaks.mode = (run) => chmodSync(join(run, 'weights'), 0o500);
  for (const [name, broken] of Object.entries(breaks)) {
    let first = true;
    const onStep = (): void => {
      if (first) broken(join(mocks, name));
      first = false;
    };
    const { session } = await mockRun(name, { epochs: 1, save_every: 1 }, { hooks: { onStep } });
    assert.match(await failure(session.run()), /lock\.json was removed|cannot be written/, name);
    if (name === 'moved') assert.ok(statSync(join(mocks, `${name}-elsewhere`, 'weights', 'last.safetensors')).size > 0);
  }
});

test('an image folder that goes away while faces are made is said to be gone, not its pictures to be bad', async () => {
  const from = join(dir, 'unplugged');
  const files = await writeSyntheticSet({ out: from, n: 140, validation: 7, size: 48 });
  const { train } = await readAnnotations(files.training, { dataset: 'affectnet', classes: CLASSES, imageDir: from });
  const options = { imageDir: from, size: 16, cache: 'off', workers: 2 };
  const away = (): void => {
    if (existsSync(from)) renameSync(from, `${from}-away`);
  };
  assert.match(
    await failure(prepareCrops(train.samples, { ...options, onProgress: away })),
    `${from}: the image folder is gone`,
  );
  // What a disk was mounted on stays, and is empty.
  renameSync(`${from}-away`, from);
  const empty = (): void => {
    away();
    mkdirSync(from, { recursive: true });
  };
  assert.match(
    await failure(prepareCrops(train.samples, { ...options, onProgress: empty })),
    'the image folder is gone',
  );
  assert.ok(readFileSync(join(`${from}-away`, 'training.csv')).length > 0);
});

test.run();
