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
import { CropPool, CropSet, readAnnotations, writeSyntheticSet } from '../../src/data';
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

/** Reads the faces of the training set; how many were made, and what was said. */
async function prepare(at: string, size: number, more: { root?: string; onGroup?: () => void } = {}) {
  const { root = faces, onGroup } = more;
  const { train } = await readAnnotations(set.training, { dataset: 'affectnet', classes: CLASSES, imageDir: root });
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const pool = new CropPool({ size, cache: at, workers: 1, faces: train.samples.length, say, onGroup });
  try {
    const crops = new CropSet(pool, { samples: train.samples, root });
    const good = await crops.usable();
    return { good: good.length, made: crops.made, said };
  } finally {
    await pool.close();
  }
}

withMount('faces that do not fit the disk are not kept, which is said once; what the cache has counts', async () => {
  const at = small as string;
  // 70 of 144 x 144 x 3 bytes are 4.2 MiB.
  const { said, ...found } = await prepare(at, 144);
  assert.equal(found, { good: 70, made: 70 });
  assert.is(said.length, 1);
  assert.match(
    said[0],
    /70 prepared faces of 144 pixels take 4\.2 MiB, .*small has room for 2\.9 MiB more: --cache off, /,
  );
  assert.equal(readdirSync(at), []);

  await prepare(at, 96);
  fill(at, 0);
  assert.equal(await prepare(at, 96), { good: 70, made: 0, said: [] });
  rmSync(join(at, 'filler'));
});

withMount('a disk that is filled while faces are made: said once, no end; what was kept is used', async () => {
  const at = small as string;
  for (const name of readdirSync(at)) rmSync(join(at, name));
  const onGroup = (): void => {
    if (!existsSync(join(at, 'filler'))) fill(at, 0);
  };
  const { good, made, said } = await prepare(at, 96, { onGroup });
  assert.equal([good, made, said.length], [70, 70, 2]);
  assert.match(said[1], /a prepared face cannot be kept: .*nearly full; from here on/);
  rmSync(join(at, 'filler'));
  const again = await prepare(at, 96);
  assert.ok(again.made < 70 && again.made >= 70 - 16, `${again.made} made again`);
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
    // Or it could not be removed.
    if (name === 'mode') chmodSync(join(mocks, name, 'weights'), 0o700);
    if (name === 'moved') assert.ok(statSync(join(mocks, `${name}-elsewhere`, 'weights', 'last.safetensors')).size > 0);
  }
});

test('an image folder that goes away while faces are made is said to be gone, not its pictures to be bad', async () => {
  const from = join(dir, 'unplugged');
  await writeSyntheticSet({ out: from, n: 70, validation: 7, size: 64 });
  const away = (): void => {
    if (existsSync(from)) renameSync(from, `${from}-away`);
  };
  assert.match(await failure(prepare('off', 16, { root: from, onGroup: away })), `${from}: the image folder is gone`);
  // What a disk was mounted on stays, and is empty.
  renameSync(`${from}-away`, from);
  const empty = (): void => {
    away();
    mkdirSync(from, { recursive: true });
  };
  assert.match(await failure(prepare('off', 16, { root: from, onGroup: empty })), 'the image folder is gone');
  assert.ok(readFileSync(join(`${from}-away`, 'training.csv')).length > 0);
});

test.run();
