// npm run bench:data [-- --rows N] [--json] [--faces DIR] [--size N] [--workers N] [--gpu ID]
// From picture files to a GPU: faces a second of each stage, of one core (by processor time), and its share; beside it what Python does with the same files
// (OpenCV's imread, the original's alignment, Pillow's resize), in turn. Then all of it in --workers threads beside a DataLoader with
// as many, and prepared faces: read back, alone and on to the device. Last, what feeds a GPU that takes 2,000 images a second.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { alignMatrix } from '../src/base/pixels/align';
import { cropBox } from '../src/base/pixels/crop';
import { resizeBilinear } from '../src/base/pixels/resize';
import { warpCubic } from '../src/base/pixels/warp';
import {
  CropPool,
  CropSet,
  decodeImage,
  type FacePose,
  Loader,
  prepareFace,
  readAffectNet,
  SampleColumns,
  type Samples,
  writeSyntheticSet,
} from '../src/data';
import { CropPacks, cropKey, recordLength } from '../src/data/crops/crop_packs';
import type { Device } from '../src/device';
import { openDevice } from '../src/device/node';
import { count, median } from './measure';
import { program } from './program';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'string' },
    rows: { type: 'string', default: '256' },
    faces: { type: 'string', default: '../shared/faces' },
    size: { type: 'string', default: '112' },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});

/** Each side, in turn; what is told is the median. */
const ROUNDS = 5;
/** Most degrees by which faces are turned that stand level. */
const TURNED = 12;
const BATCH = 8;
/** Images a second that a GPU takes, and cores beside it. */
const [GPU, CORES] = [2000, 16];

const STAGES = ['read', 'decode', 'align', 'resize', 'store'] as const;
/** Milliseconds of processor time by stage; `together`: the first four, as a thread does them for one face after the other. */
type Times = Record<string, number>;

interface Face {
  readonly file: string;
  readonly pose: FacePose;
}

/** The first `rows` faces of a folder with training.csv, or drawn ones. Photographs that stand level are put askew: theirs would be a copy. */
async function findFaces(rows: number, dir: string): Promise<{ root: string; samples: Samples; what: string }> {
  const photographs = existsSync(join(values.faces, 'training.csv'));
  const root = photographs ? resolve(values.faces) : join(dir, 'faces');
  if (!photographs) await writeSyntheticSet({ out: root, n: rows, validation: 7, size: 224 });
  const { samples } = await readAffectNet(join(root, 'training.csv'));
  const columns = new SampleColumns();
  let used = 0;
  for (const { where: _, ...sample } of samples) {
    if (used === rows) break;
    const { pose } = sample;
    if (!pose || !('leftEye' in pose)) continue;
    const [left, right] = [pose.leftEye, pose.rightEye];
    const angle = (((used * 37) % 21) / 10 - 1) * TURNED * (Math.PI / 180);
    const lifted = right[1] + (left[1] === right[1] ? Math.round((right[0] - left[0]) * Math.tan(angle)) : 0);
    columns.push({ ...sample, pose: { ...pose, rightEye: [right[0], lifted] } }, 'face %', ++used);
  }
  const what = photographs ? `photographs of ${values.faces}` : 'drawn faces';
  return { root, samples: columns.done(), what: `${used} ${what}` };
}

/** Milliseconds of processor time, of all threads. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Faces that one stage after the other is done of. */
const GROUP = 16;

/** As threads read; the main thread reads through libuv's threads. */
const read = (file: string): Uint8Array => readFileSync(file);

/** What one thread does, stage by stage, and the first face's crop. */
async function stages(faces: readonly Face[], size: number, dir: string): Promise<{ ms: Times; crop: Uint8Array }> {
  const ms: Times = {};
  const packs = new CropPacks(join(dir, 'store'), size);
  let crop: Uint8Array | undefined;
  for (let from = 0; from < faces.length; from += GROUP) {
    const group = faces.slice(from, from + GROUP);
    const timed = async <T>(stage: string, work: (i: number) => T | Promise<T>): Promise<T[]> => {
      const results: T[] = [];
      const start = cpu();
      for (let i = 0; i < group.length; i++) results.push(await work(i));
      ms[stage] = (ms[stage] ?? 0) + cpu() - start;
      return results;
    };
    const contents = await timed('read', (i) => read(group[i].file));
    const images = await timed('decode', (i) => decodeImage(contents[i]));
    const aligned = await timed('align', (i) => {
      const { leftEye, rightEye, box } = group[i].pose;
      const matrix = alignMatrix(leftEye, rightEye);
      return warpCubic(images[i], matrix, cropBox(matrix, box));
    });
    const crops = await timed('resize', (i) => resizeBilinear(aligned[i], size, size));
    await timed('store', (i) => packs.put(cropKey(contents[i], `${from + i}`), crops[i].data));
    await timed('together', async (i) => {
      const { file, pose } = group[i];
      prepareFace(await decodeImage(read(file)), pose, size);
    });
    crop ??= crops[0].data;
  }
  packs.close();
  return { ms, crop: crop as Uint8Array };
}

/** The same in Python, in a process that idles in between. */
class Python {
  private readonly child;
  private heard: (answer: string | null) => void = () => {};

  constructor(command: string) {
    this.child = spawn(command, ['bench/data.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.heard(line));
    this.child.on('close', () => this.heard(null));
    this.child.stdin.on('error', () => {}); // told by `close`
  }

  /** One that has what is needed, or null. */
  static find(): Python | null {
    for (const command of ['python3', '/usr/bin/python3']) {
      try {
        execFileSync(command, ['-c', 'import cv2, torch, PIL'], { stdio: 'ignore' });
        return new Python(command);
      } catch {}
    }
    return null;
  }

  async ask<T>(request: object): Promise<T> {
    const answer = await new Promise<string | null>((done) => {
      this.heard = done;
      this.child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (answer === null) throw new Error('bench/data.py ended early: see above');
    return JSON.parse(answer) as T;
  }

  close(): void {
    this.child.stdin.end();
  }
}

/** Seconds until all faces are read, a batch after the other, by as many as the threads want ahead. */
async function readAll(pool: CropPool, root: string, samples: Samples): Promise<number> {
  const start = performance.now();
  const loader = new Loader(new CropSet(pool, { samples, root }), {
    batchSize: BATCH,
    seed: 0,
    shuffle: false,
    augment: null,
  });
  for await (const _ of loader.epoch(0));
  return (performance.now() - start) / 1000;
}

/** Faces that are read back for one figure, at least. */
const READ_BACK = 2048;

interface Rates {
  /** Faces a second of one core, by processor time of all threads, and by the clock. */
  readonly core: number;
  readonly clock: number;
}

/** Out of a warm cache: the bytes alone, read back, and read back and uploaded (null without a device). The best of some, after one. */
async function warm(root: string, samples: Samples, size: number, workers: number, dir: string, device: Device | null) {
  const cache = join(dir, 'cache');
  const pool = new CropPool({ size, workers, cache, faces: samples.length });
  const loader = new Loader(new CropSet(pool, { samples, root }), { batchSize: BATCH, seed: 0, augment: null });
  const epochs = Math.ceil(READ_BACK / samples.length);
  const target = device?.persistent(() => device.alloc(BATCH * size * size * 3, 'faces'));
  const readBack = async (upload: boolean): Promise<void> => {
    for (let epoch = 0; epoch < epochs; epoch++)
      for await (const { images } of loader.epoch(epoch)) {
        if (!upload || !device || !target) continue;
        device.upload(target, images);
        device.flush();
      }
    if (upload) await device?.wait();
  };
  const works = {
    bytes: async () => {
      for (let epoch = 0; epoch < epochs; epoch++) bytesAlone(cache, size);
    },
    back: () => readBack(false),
    ...(device ? { up: () => readBack(true) } : {}),
  };
  const found: Record<string, Rates> = {};
  try {
    for (let round = 0; round <= ROUNDS; round++)
      for (const [name, work] of Object.entries(works)) {
        if (round === 0 && name === 'bytes') continue; // there are none yet
        const [clock, core] = [performance.now(), cpu()];
        await work();
        const faces = 1000 * samples.length * epochs;
        const now = { core: faces / (cpu() - core), clock: faces / (performance.now() - clock) };
        const best = round > 1 ? found[name] : now;
        found[name] = { core: Math.max(best.core, now.core), clock: Math.max(best.clock, now.clock) };
      }
  } finally {
    await pool.close();
  }
  return found as { readonly bytes: Rates; readonly back: Rates; readonly up?: Rates };
}

/** Reads all records of a cache and does nothing with them. */
function bytesAlone(cache: string, size: number): void {
  const length = recordLength(size);
  const record = Buffer.alloc(length);
  for (const name of readdirSync(cache).filter((file) => file.endsWith('.pack'))) {
    const file = openSync(join(cache, name), 'r');
    for (let at = 0; readSync(file, record, 0, length, at) === length; at += length);
    closeSync(file);
  }
}

async function device(): Promise<Device | null> {
  try {
    return await openDevice(values.gpu ? { gpu: values.gpu } : {});
  } catch (error) {
    console.error(`upload: missing (${(error as Error).message})`);
    return null;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

program(async () => {
  const [rows, size, workers] = (['rows', 'size', 'workers'] as const).map((name) => count(name, values[name]));
  sharp.concurrency(1);
  sharp.cache(false);
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-data-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const { root, samples, what } = await findFaces(rows, dir);
  const n = samples.length;
  const faces = Array.from({ length: n }, (_, i) => ({
    file: join(root, samples.imageAt(i)),
    pose: samples.poseAt(i) as FacePose,
  }));
  const asked = faces.map(({ file, pose: { leftEye, rightEye, box } }) => ({
    file,
    left: leftEye,
    right: rightEye,
    box,
  }));
  const python = Python.find();
  if (!python) console.error('Python: missing (no python3 here has cv2, torch and PIL)');

  const [ours, theirs]: Times[][] = [[], []];
  const [mine, cold]: number[][] = [[], []];
  const pool = new CropPool({ size, workers, cache: 'off', faces: n });
  try {
    // The first round is to warm up.
    for (let round = 0; round <= ROUNDS; round++) {
      const own = await stages(faces, size, join(dir, `${round}`));
      const peer = await python?.ask<{ ms: Times; crop: number[] }>({ do: 'stages', faces: asked, size });
      if (peer && Buffer.compare(own.crop, Uint8Array.from(peer.crop)) !== 0)
        throw new Error(`${faces[0].file}: Python's crop has other bytes`);
      if (round === 0) continue;
      ours.push(own.ms);
      if (peer) theirs.push(peer.ms);
    }
    for (let round = 0; round <= ROUNDS; round++) {
      const seconds = await readAll(pool, root, samples);
      const peer = await python?.ask<{ seconds: number }>({ do: 'load', faces: asked, size, workers });
      if (round === 0) continue;
      mine.push(n / seconds);
      if (peer) cold.push(n / peer.seconds);
    }
  } finally {
    python?.close();
    await pool.close();
  }
  const gpu = await device();
  const found = await warm(root, samples, size, workers, dir, gpu);
  gpu?.destroy();
  report({ what, n, size, workers, ours, theirs, mine, cold, found });
});

interface Found {
  readonly what: string;
  readonly n: number;
  readonly size: number;
  readonly workers: number;
  readonly ours: readonly Times[];
  readonly theirs: readonly Times[];
  readonly mine: readonly number[];
  readonly cold: readonly number[];
  readonly found: Awaited<ReturnType<typeof warm>>;
}

/** One line of the table: a rate of one core, its share of a face's time, and Python's rate; by the clock, of all threads. */
interface Line {
  readonly work: string;
  readonly faces_per_s?: number;
  readonly by_clock?: number;
  readonly share?: number;
  readonly python_faces_per_s?: number;
  readonly ratio?: number;
}

const ratesOf = ({ core, clock }: Rates): Partial<Line> => ({ faces_per_s: core, by_clock: clock });

function report({ what, n, size, workers, ours, theirs, mine, cold, found }: Found): void {
  const rate = (times: readonly Times[], stage: string): number => (1000 * n) / median(times.map((t) => t[stage]));
  const beside = (stage: string): Partial<Line> =>
    theirs.length === 0 || theirs[0][stage] === undefined
      ? {}
      : {
          python_faces_per_s: rate(theirs, stage),
          ratio: median(ours.map((t, i) => theirs[i][stage] / t[stage])),
        };
  const whole = median(ours.map((t) => sum(STAGES.map((stage) => t[stage]))));
  const perCore = rate(ours, 'together');
  const lines: Line[] = [
    ...STAGES.map((stage) => ({
      work: stage,
      faces_per_s: rate(ours, stage),
      share: median(ours.map((t) => t[stage])) / whole,
      ...beside(stage),
    })),
    { work: 'read to resize', faces_per_s: perCore, ...beside('together') },
    {
      work: `all, ${workers} threads`,
      by_clock: median(mine),
      ...(cold.length > 0 ? { python_faces_per_s: median(cold), ratio: median(mine.map((v, i) => v / cold[i])) } : {}),
    },
    { work: 'bytes alone', ...ratesOf(found.bytes) },
    { work: 'read back', ...ratesOf(found.back) },
    ...(found.up ? [{ work: 'read back, upload', ...ratesOf(found.up) }] : []),
  ];
  const back = (found.up ?? found.back).core;
  if (values.json) {
    for (const line of lines) process.stdout.write(`${JSON.stringify({ ...line, faces: n, size })}\n`);
    const cores = { cores_cold: GPU / perCore, cores_warm: GPU / back };
    process.stdout.write(`${JSON.stringify({ work: `feed ${GPU} images/s`, ...cores })}\n`);
    return;
  }
  const cells = (line: Line): string[] => [
    line.faces_per_s?.toFixed(0) ?? '',
    line.by_clock?.toFixed(0) ?? '',
    line.share === undefined ? '' : `${(100 * line.share).toFixed(0)} %`,
    line.python_faces_per_s?.toFixed(0) ?? '',
    line.ratio?.toFixed(2) ?? '',
  ];
  console.log(`${what}, to ${size} pixels\n`);
  console.log(`${''.padEnd(20)}${['a core', 'clock', 'share', 'Python', 'times'].map((t) => t.padStart(10)).join('')}`);
  for (const line of lines)
    console.log(
      line.work.padEnd(20) +
        cells(line)
          .map((cell) => cell.padStart(10))
          .join(''),
    );
  console.log(
    `\na GPU that takes ${GPU} images/s is fed by ${(GPU / perCore).toFixed(1)} such cores when faces are prepared, by ` +
      `${(GPU / back).toFixed(2)} when they are read back; ${CORES} give ${(CORES * perCore).toFixed(0)} and ${(CORES * back).toFixed(0)}`,
  );
}
