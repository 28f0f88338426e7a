// npm run bench:rows [-- --rows N,N,...] [--json] [--gpu ID]
// How a training's start grows with the rows of AffectNet's CSV: from the start of the process to the end of the first step
// (BReG-NeXt, 32 px, batch 8) with nothing kept, again with what that has kept, and by --resume of a run that was killed after that
// step; the most memory; the disk that is taken; faces a second read for an epoch's first 2,000, made and out of the cache.
import { spawnSync } from 'node:child_process';
import {
  createWriteStream,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import type { TrainArgs } from '../src/train/settings/args';
import { program } from './program';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000,12000,291000' },
    json: { type: 'boolean', default: false },
    gpu: { type: 'string' },
    /** What the child process gets, as JSON: settings, and what to do with them. */
    child: { type: 'string' },
  },
});

/** Faces that are read for the rate. */
const READ = 2000;
const DRAWN = 200;
const SIZE = 32;
const BATCH = 8;
const HEAD =
  '| rows | CSV, MB | first step: cold, s | warm, s | resumed, s | memory, MiB | kept, MB | faces/s: made | kept |';

interface Child {
  readonly args: Readonly<Record<string, unknown>>;
  readonly what: 'new' | 'resume' | 'read';
}

/** What a child process tells. */
interface Found {
  readonly seconds: number;
  /** Of the process, at most. */
  readonly mib: number;
}

/** Ends the process with what it has found. */
function tell(seconds: number): never {
  const high = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const found: Found = { seconds, mib: Number(high) / 1024 };
  process.stdout.write(`${JSON.stringify(found)}\n`);
  process.exit();
}

async function child({ args: given, what }: Child): Promise<void> {
  const { readTrainArgs } = await import('../src/train/settings/args');
  const args = readTrainArgs(given);
  if (what === 'read') return read(args);
  const { Trainer } = await import('../src/train/loop/trainer');
  const { readRunToResume } = await import('../src/train/run/resume');
  const resume = what === 'resume' ? readRunToResume(args.saved_model, {}) : undefined;
  const onStep = (): void => tell(performance.now() / 1000);
  await new Trainer(resume?.args ?? args, { hooks: { onStep }, resume }).run();
}

/** Reads the first faces of an epoch, as training does. */
async function read(args: TrainArgs): Promise<void> {
  const { CLASSES, CropPool, CropSet, Loader, readAnnotations } = await import('../src/data');
  const options = { dataset: args.dataset, classes: CLASSES, imageDir: args.image_dir };
  const { train } = await readAnnotations(args.data, options, args);
  const pool = new CropPool({ size: SIZE, cache: args.cache ?? undefined, faces: train.samples.length });
  const crops = new CropSet(pool, { samples: train.samples, root: train.root as string });
  const limit = Math.min(READ, train.samples.length);
  const loader = new Loader(crops, { batchSize: BATCH, seed: 0, augment: { rotation: 30 }, replace: true, limit });
  const start = performance.now();
  for await (const _ of loader.epoch(1));
  tell((performance.now() - start) / 1000);
}

function run(wanted: Child): Found {
  const { stdout, status } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), '--child', JSON.stringify(wanted)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error(`the training ended with exit code ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** A CSV of `rows` rows, each of a picture of its own, with paths below `root`. */
async function write(root: string, rows: number): Promise<string> {
  const [header, ...lines] = linesOf(root, 'training');
  const dir = join(root, String(rows));
  mkdirSync(dir);
  const file = join(dir, 'training.csv');
  const out = createWriteStream(file);
  out.write(`${header}\n`);
  for (let i = 0; i < rows; i++) {
    const [image, x, ...rest] = lines[i % lines.length].split(',');
    const folder = `${rows}/${Math.floor(i / 500)}`;
    if (i % 500 === 0) mkdirSync(join(root, folder));
    linkSync(join(root, 'drawn', image), join(root, folder, `${i}.jpg`));
    // Another box, so that no two faces are the same.
    const row = [`${folder}/${i}.jpg`, Number(x) + Math.floor(i / DRAWN) / 1e4, ...rest];
    if (!out.write(`${row.join(',')}\n`)) await new Promise<void>((done) => out.once('drain', () => done()));
  }
  out.end();
  await finished(out);
  return file;
}

const linesOf = (root: string, part: string): string[] =>
  readFileSync(join(root, 'drawn', `${part}.csv`), 'utf8')
    .trim()
    .split('\n');

function sizeOf(dir: string): number {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

async function main(): Promise<void> {
  if (values.child) return child(JSON.parse(values.child) as Child);
  const wanted = values.rows.split(',').map(Number);
  const bad = wanted.find((n) => !Number.isInteger(n) || n < 100);
  if (bad !== undefined) throw new InputError(`--rows expects whole numbers from 100, found ${values.rows}`);
  const { writeSyntheticSet } = await import('../src/data');
  const root = mkdtempSync(join(tmpdir(), 'emotion-gcn-rows-'));
  try {
    await writeSyntheticSet({ out: join(root, 'drawn'), n: DRAWN, validation: 14, size: 224 });
    const [header, ...lines] = linesOf(root, 'validation');
    const val_data = join(root, 'validation.csv');
    writeFileSync(val_data, `${[header, ...lines.map((line) => `drawn/${line}`)].join('\n')}\n`);
    if (!values.json) console.log(`${HEAD}\n|${' --- |'.repeat(HEAD.split('|').length - 2)}`);
    for (const rows of wanted) {
      const data = await write(root, rows);
      const dir = join(root, String(rows));
      const of = (name: string) => ({
        ...{ image_dir: root, data, val_data, network: 'bregnext', emb: 'random', image_size: SIZE, batch_size: BATCH },
        ...{ epochs: 1, gpu: values.gpu ?? null, cache: join(dir, 'cache'), saved_model: join(dir, name) },
      });
      const cold = run({ args: of('cold'), what: 'new' });
      const warm = run({ args: of('warm'), what: 'new' });
      const resumed = run({ args: of('cold'), what: 'resume' });
      const made = run({ args: of('made'), what: 'read' });
      const kept = run({ args: of('made'), what: 'read' });
      const n = Math.min(READ, rows);
      const row = {
        rows,
        csv_mb: statSync(data).size / 1e6,
        ...{ cold_s: cold.seconds, warm_s: warm.seconds, resumed_s: resumed.seconds },
        memory_mib: Math.max(cold.mib, warm.mib, resumed.mib),
        kept_mb: sizeOf(join(dir, 'cache')) / 1e6,
        ...{ made_per_s: n / made.seconds, kept_per_s: n / kept.seconds },
      };
      const figures = Object.values(row).map((value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1)));
      console.log(values.json ? JSON.stringify(row) : `| ${figures.join(' | ')} |`);
      rmSync(dir, { recursive: true });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

program(main);
