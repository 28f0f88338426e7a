// Preparation in threads, its cache, the loader: on drawn faces.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CropOptions, CropPool } from '../../src/data/crops/crop_pool';
import { CropSet, type CropSetOptions } from '../../src/data/crops/crop_set';
import { ImageWorkers } from '../../src/data/crops/image_workers';
import type { FacePose } from '../../src/data/face';
import { prepareFace } from '../../src/data/face';
import { decodeImage } from '../../src/data/image';
import { readAffectNet } from '../../src/data/layouts/csv';
import { type Batch, Loader } from '../../src/data/loader';
import { rotationAffine } from '../../src/data/rotate';
import { type Sample, Samples } from '../../src/data/sample_columns';
import type { AnnotationSet } from '../../src/data/samples';
import { writeSyntheticSet } from '../../src/data/synthetic/synthetic';
import { givenShared, SHARED } from '../given';
import { differences, refusal } from './goldens';

const root = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const temporary = () => mkdtempSync(join(root, 'd'));
const faces = temporary();
const SIZE = 40;
const N = 70;
let set: AnnotationSet;
let prepared: Uint8Array[];
/** All faces, for the tests of the loader. */
let shared: CropSet;

test.before(async () => {
  const { training } = await writeSyntheticSet({ out: faces, n: N, validation: 7, size: 64 });
  set = await readAffectNet(training);
  prepared = [];
  for (const sample of set.samples) {
    prepared.push(
      prepareFace(await decodeImage(readFileSync(join(faces, sample.image))), sample.pose as FacePose, SIZE).data,
    );
  }
  shared = open(temporary()).crops;
});

interface Opened {
  readonly pool: CropPool;
  readonly crops: CropSet;
}

const pools: CropPool[] = [];

/** The faces of samples, of a pool of their own. */
function open(
  cache: string,
  more: Partial<CropOptions & CropSetOptions> = {},
  samples: Iterable<Sample> = set.samples,
): Opened {
  const of = Samples.of(samples);
  const pool = new CropPool({ size: SIZE, cache, workers: 2, faces: of.length, ...more });
  pools.push(pool);
  return { pool, crops: new CropSet(pool, { samples: of, root: faces, ...more }) };
}

/** Reads all crops and closes the pool; the number of wrong bytes, and of those that were made. */
async function readAll({ pool, crops }: Opened): Promise<{ wrong: number; made: number }> {
  const rows = [...Array(crops.samples.length).keys()];
  const length = crops.size ** 2 * 3;
  const pixels = new Uint8Array(rows.length * length);
  const good = await crops.read(rows, pixels);
  let wrong = 0;
  for (const row of rows) {
    const at = [...set.samples].findIndex((s) => s.where === crops.samples.at(row).where);
    wrong += good[row] ? differences(pixels.subarray(row * length, (row + 1) * length), prepared[at]) : length;
  }
  await pool.close();
  return { wrong, made: crops.made };
}

test('crops are what one thread makes, for any number of threads; the second time they come from the cache', async () => {
  const cache = temporary();
  for (const [workers, made] of [
    [3, N],
    [1, 0],
    [2, 0],
  ] as const)
    assert.equal(await readAll(open(cache, { workers })), { wrong: 0, made });
  const bytes = readdirSync(cache).map((name) => statSync(join(cache, name)).size);
  assert.ok(bytes.reduce((a, b) => a + b) >= N * SIZE * SIZE * 3);
});

test('content and settings decide, not names and times', async () => {
  const cache = temporary();
  await readAll(open(cache, {}, [...set.samples].slice(0, 20)));
  const made = async (samples: Iterable<Sample>, size = SIZE, from = faces) => {
    const { pool, crops } = open(cache, { size, root: from }, samples);
    await crops.read([0], new Uint8Array(size * size * 3));
    await pool.close();
    return crops.made;
  };
  const [first] = set.samples;
  const pose = first.pose as FacePose;
  const posed = (change: Partial<typeof pose>) => [{ ...first, pose: { ...pose, ...change } }];
  assert.is(await made(posed({ box: [pose.box[0] + 1, ...pose.box.slice(1)] as never })), 1);
  assert.is(await made(posed({ leftEye: [pose.leftEye[0] - 1, pose.leftEye[1]] })), 1);
  assert.is(await made([{ ...first, pose: null }]), 1);
  assert.is(await made([first], SIZE + 1), 1);
  const elsewhere = temporary();
  const copy = join(elsewhere, 'copy.jpg');
  writeFileSync(copy, readFileSync(join(faces, first.image)));
  assert.is(await made([{ ...first, image: 'copy.jpg' }], SIZE, elsewhere), 0);
  writeFileSync(copy, readFileSync(join(faces, set.samples.at(1).image)));
  assert.is(await made([{ ...first, image: 'copy.jpg' }], SIZE, elsewhere), 1);
});

test('the open canvas shows what the original cuts off, and is kept beside it', async () => {
  const [cache, dir] = [temporary(), temporary()];
  const wide = { create: { width: 200, height: 100, channels: 3 as const, background: '#ffffff' } };
  await sharp(wide).png().toFile(join(dir, 'wide.png'));
  const pose: FacePose = { leftEye: [160, 40], rightEye: [180, 40], box: [150, 20, 40, 40] };
  const samples = [{ ...set.samples.at(0), image: 'wide.png', pose }];
  for (const [canvas, made, level] of [
    ['original', 1, 0],
    ['open', 1, 255],
    ['open', 0, 255],
    ['original', 0, 0],
  ] as const) {
    const { pool, crops } = open(cache, { canvas, root: dir }, samples);
    const pixels = new Uint8Array(SIZE * SIZE * 3).fill(7);
    assert.equal(await crops.read([0], pixels), [true]);
    await pool.close();
    assert.equal([crops.made, ...new Set(pixels)], [made, level], canvas);
  }
});

test('a picture is known by path, size and times without being read, unless --verify asks for it', async () => {
  const [cache, dir] = [temporary(), temporary()];
  const file = join(dir, 'a.jpg');
  const jpeg = readFileSync(join(faces, set.samples.imageAt(0)));
  writeFileSync(file, jpeg);
  const rows = () =>
    readdirSync(cache)
      .filter((name) => name.endsWith('.keys'))
      .reduce((n, name) => n + statSync(join(cache, name)).size / 48, 0);
  const read = async (more: Partial<CropOptions> = {}) => {
    const { pool, crops } = open(cache, { root: dir, ...more }, [{ ...set.samples.at(0), image: 'a.jpg' }]);
    const pixels = new Uint8Array(SIZE * SIZE * 3);
    const [good] = await crops.read([0], pixels);
    await pool.close();
    // A row is written whenever a picture was read.
    return { right: good && differences(pixels, prepared[0]) === 0, made: crops.made, rows: rows() };
  };
  assert.equal(await read(), { right: true, made: 1, rows: 1 });
  assert.equal(await read(), { right: true, made: 0, rows: 1 });
  assert.equal(await read({ verify: true }), { right: true, made: 0, rows: 2 });
  const { atime, mtime } = statSync(file);
  utimesSync(file, atime, new Date(mtime.getTime() - 5000));
  assert.equal(await read(), { right: true, made: 0, rows: 3 });
  // Another content of the same length, its time set back.
  writeFileSync(file, Buffer.alloc(jpeg.length));
  utimesSync(file, atime, new Date(mtime.getTime() - 5000));
  assert.equal(await read(), { right: false, made: 0, rows: 3 });
});

test('a cache of the version before, without keys of files, is used as it is', async () => {
  const cache = temporary();
  await readAll(open(cache));
  for (const name of readdirSync(cache)) if (name.endsWith('.keys')) rmSync(join(cache, name));
  assert.equal(await readAll(open(cache)), { wrong: 0, made: 0 });
  // Rows that went bad say nothing.
  for (const name of readdirSync(cache).filter((name) => name.endsWith('.keys'))) {
    const bytes = readFileSync(join(cache, name));
    for (let at = 5; at + 30 < bytes.length; at += 48) bytes[at + 30] ^= 1;
    writeFileSync(join(cache, name), bytes.subarray(0, bytes.length - 7));
  }
  assert.equal(await readAll(open(cache)), { wrong: 0, made: 0 });
});

test('a damaged or cut cache is noticed and mended', async () => {
  const cache = temporary();
  await readAll(open(cache, { workers: 1 }));
  const pack = readdirSync(cache)
    .filter((name) => name.endsWith('.pack'))
    .map((name) => join(cache, name))[0];
  const bytes = readFileSync(pack);
  const record = 32 + SIZE * SIZE * 3;
  assert.is(bytes.length, N * record);
  bytes[3 * record + 100] ^= 1; // a pixel
  bytes[5 * record + 20] ^= 1; // a digest
  bytes[7 * record] ^= 1; // a key
  writeFileSync(pack, bytes.subarray(0, bytes.length - 10)); // the last record
  assert.equal(await readAll(open(cache)), { wrong: 0, made: 4 });
  assert.equal(await readAll(open(cache)), { wrong: 0, made: 0 });
});

test('a cache that is cleared takes nothing from those who use it', async () => {
  for (const kind of ['files', 'folder']) {
    const cache = temporary();
    const clear = (): void => {
      if (kind === 'folder') rmSync(cache, { recursive: true });
      else for (const name of readdirSync(cache)) rmSync(join(cache, name));
    };
    await readAll(open(cache));
    const opened = open(cache);
    const half = [...Array(N / 2).keys()];
    await opened.crops.read(half, new Uint8Array(half.length * SIZE * SIZE * 3));
    clear();
    // What was read stays readable, or is made again by a thread that has not opened it.
    assert.is((await readAll(opened)).wrong, 0);
    assert.is((await readAll(open(cache))).wrong, 0);
  }
});

test('two at once in one cache', async () => {
  const cache = temporary();
  const both = await Promise.all([readAll(open(cache)), readAll(open(cache))]);
  for (const { wrong } of both) assert.is(wrong, 0);
  assert.equal(await readAll(open(cache)), { wrong: 0, made: 0 });
});

test('without a cache nothing is written, and each reading makes them anew', async () => {
  const opened = open('off');
  await opened.crops.read([0, 1], new Uint8Array(2 * SIZE * SIZE * 3));
  assert.equal(await readAll(opened), { wrong: 0, made: N + 2 });
});

test('a cache keeps no more than its limit; the others are made anew', async () => {
  const cache = temporary();
  const said: string[] = [];
  const limited = { cacheLimit: 20 * (32 + SIZE * SIZE * 3), say: (line: string) => void said.push(line) };
  assert.equal(await readAll(open(cache, limited)), { wrong: 0, made: N });
  assert.is(said.length, 2, said.join('\n'));
  assert.match(said[0], /70 prepared faces of 40 pixels take 331 KiB, --cache_limit leaves 95 KiB/);
  assert.match(said[1], /has reached --cache_limit; from here on/);
  const { made, wrong } = await readAll(open(cache, limited));
  assert.is(wrong, 0);
  // Groups that are under way as it is reached are kept.
  assert.ok(made > N - 20 - 3 * 8 && made <= N - 20, `${made} made`);
});

const broken = () => {
  const dir = temporary();
  const jpeg = readFileSync(join(faces, set.samples.at(0).image));
  const files = { missing: undefined, empty: '', text: 'no picture', cut: jpeg.subarray(0, jpeg.length / 2) };
  for (const [name, content] of Object.entries(files)) {
    if (content !== undefined) writeFileSync(join(dir, `${name}.jpg`), content);
  }
  writeFileSync(join(dir, 'good.jpg'), jpeg);
  const samples = [...Object.keys(files), 'good'].map((name, i) => {
    return { ...set.samples.at(0), image: `${name}.jpg`, where: `training.csv line ${i + 2}` };
  });
  return { dir, samples };
};

const reading = async ({ pool, crops }: Opened): Promise<string[]> => {
  const rows = [...Array(crops.samples.length).keys()];
  const good = await crops.read(rows, new Uint8Array(rows.length * SIZE * SIZE * 3));
  await pool.close();
  for (const row of rows) if (!good[row]) crops.leaveOut(row);
  return rows.filter((row) => good[row]).map((row) => crops.samples.imageAt(row));
};

test('bad images are named and left out up to the limit', async () => {
  const { dir, samples } = broken();
  const badRows = [{ where: 'training.csv line 99', image: 'x.jpg', reason: 'both eyes' }];
  const said: string[] = [];
  const options = { root: dir, badRows, maxBad: 5 / 6 };
  const opened = open('off', options, samples);
  const crops = new CropSet(opened.pool, {
    ...options,
    samples: Samples.of(samples),
    say: (line) => void said.push(line),
  });
  assert.equal(await reading({ ...opened, crops }), ['good.jpg']);
  for (const row of crops.leftOut) crops.leaveOut(row);
  const wanted = [
    /^left out: training.csv line 2: missing.jpg: no such file$/,
    /^left out: training.csv line 3: empty.jpg: zero bytes$/,
    /^left out: training.csv line 4: text.jpg: not an image/,
    /^left out: training.csv line 5: cut.jpg: truncated/,
  ];
  assert.is(said.length, wanted.length);
  for (const [i, line] of said.entries()) assert.match(line, wanted[i]);
  await refusal(() => reading(open('off', { ...options, maxBad: 0.82 }, samples)), /5 of 6 rows .* more than 82 %/);
  await refusal(() => reading(open('off', { root: dir }, samples)), /line 2: missing.jpg: no such file\n/);
});

test('what was left out is taken up again, if it is still bad', async () => {
  const { dir, samples } = broken();
  const { pool, crops } = open('off', { root: dir, maxBad: 1 }, samples);
  await crops.recall([1, 2, 4]);
  assert.equal(crops.leftOut, [1, 2]);
  await pool.close();
});

test('with a wrong directory the list stops at twenty', async () => {
  const many = Array.from({ length: 500 }, (_, i) => ({
    ...set.samples.at(0),
    image: `${i}.jpg`,
    where: `training.csv line ${i + 2}`,
  }));
  const batches = (replace: boolean, limit = 0.05) =>
    collect(
      new Loader(open('off', { root: temporary(), maxBad: limit }, many).crops, {
        ...{ batchSize: 9, seed: 0, augment: null, replace },
      }).epoch(0),
    );
  for (const replace of [true, false])
    await refusal(
      () => batches(replace),
      /26 of 500 rows[^\n]*\n( {2}[^\n]* line \d+[^\n]*\n){20} {2}\.\.\. and 6 more/,
    );
  await refusal(() => batches(true, 1), /expected images, found none that can be used/);
  await refusal(async () => open('off', { root: join(faces, 'none') }), /none: no such image directory/);
  await refusal(async () => open(join(faces, 'training.csv')), /training.csv: cannot be made for the crop cache/);
});

test('batches: the place of a bad picture is taken by the nearest earlier good one, else the next one of the order', async () => {
  const dir = temporary();
  const bad = new Set([0, 1, 5, 6, 9, 10, 11]);
  const [first, second] = set.samples;
  for (let i = 0; i < 12; i++)
    if (!bad.has(i)) writeFileSync(join(dir, `${i}.jpg`), readFileSync(join(faces, (i % 2 ? second : first).image)));
  const samples = Array.from({ length: 12 }, (_, i) => ({
    ...(i % 2 ? second : first),
    image: `${i}.jpg`,
    expression: i % 7,
  }));
  const rows = async (more: object, batchSize = 3) => {
    const { crops, pool } = open('off', { root: dir, maxBad: 1 }, samples);
    const loader = new Loader(crops, { batchSize, seed: 0, augment: null, shuffle: false, ...more });
    const batches = await collect(loader.epoch(0));
    for (const { images, rows, labels } of batches)
      for (const [i, row] of rows.entries()) {
        const pixels = images.subarray(i * SIZE * SIZE * 3, (i + 1) * SIZE * SIZE * 3);
        assert.is(differences(pixels, prepared[row % 2]), 0);
        assert.is(labels[i], row % 7);
      }
    await pool.close();
    assert.equal(
      [...crops.leftOut].sort((a, b) => a - b),
      [...bad],
    );
    return batches.map((batch) => [...batch.rows]);
  };
  // The last batch has none: the order begins anew, and its first two are bad.
  assert.equal(await rows({ replace: true }), [
    [2, 2, 2],
    [3, 4, 4],
    [7, 7, 8],
    [2, 2, 2],
  ]);
  assert.equal(await rows({}), [[2], [3, 4], [7, 8]]);
});

test('a thread that dies is an error, not a hang', async () => {
  const jobs = set.samples.map(({ pose, image }) => ({ pose, file: join(faces, image), root: faces, place: null }));
  const dir = temporary();
  const dying = {
    'exit.mjs': "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3));",
    'quiet.mjs':
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => parentPort.close());",
    'throw.mjs': "throw new Error('no memory');",
  };
  const reasons = [/exit code 3/, /8 images are not done/, /no memory/];
  for (const [i, [name, text]] of Object.entries(dying).entries()) {
    writeFileSync(join(dir, name), text);
    const program = new URL(`file://${join(dir, name)}`);
    const workers = new ImageWorkers(
      { size: SIZE, canvas: 'original', cache: null, verify: false },
      () => 2,
      undefined,
      undefined,
      program,
    );
    const run = () => workers.run(jobs, new Uint8Array(jobs.length * SIZE * SIZE * 3));
    await refusal(run, reasons[i], 'MachineError');
    await refusal(run, reasons[i], 'MachineError');
    await workers.close();
  }
});

const collect = async (batches: AsyncIterable<Batch>) => {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
};
const digest = (batches: Batch[]) =>
  batches.map((b) => [b.images, b.affine, b.flip, b.labels, b.va, b.rows].map((a) => Array.from(a).join()).join('|'));

test('batches: every sample once an epoch, its own pixels, labels and values', async () => {
  const loader = new Loader(shared, { batchSize: 9, seed: 5, augment: { rotation: 30 } });
  assert.equal([loader.steps, loader.samples], [8, 70]);
  const batches = await collect(loader.epoch(0));
  assert.equal(
    batches.map((b) => b.rows.length),
    [9, 9, 9, 9, 9, 9, 9, 7],
  );
  const rows = batches.flatMap((b) => [...b.rows]);
  assert.equal(
    [...rows].sort((a, b) => a - b),
    [...Array(70).keys()],
  );
  assert.not.equal(rows, [...Array(70).keys()]);
  for (const { images, labels, va, rows } of batches) {
    rows.forEach((row, i) => {
      const pixels = images.subarray(i * SIZE * SIZE * 3, (i + 1) * SIZE * SIZE * 3);
      assert.is(differences(pixels, prepared[row]), 0);
      const { expression, valence, arousal } = set.samples.at(row);
      assert.is(labels[i], expression);
      assert.equal([...va.subarray(2 * i, 2 * i + 2)], [Math.fround(valence), Math.fround(arousal)]);
    });
  }
});

test('batches: the same for a seed, others for another seed and epoch, and an epoch can be entered at any step', async () => {
  const loader = (seed: number, from = shared) => new Loader(from, { batchSize: 16, seed, augment: { rotation: 30 } });
  const whole = digest(await collect(loader(1).epoch(2)));
  assert.equal(digest(await collect(loader(1).epoch(2, 3))), whole.slice(3));
  assert.equal(await collect(loader(1).epoch(2, 5)), []);
  for (const [seed, epoch] of [
    [1, 3],
    [2, 2],
  ]) {
    assert.not.equal(digest(await collect(loader(seed).epoch(epoch))), whole);
  }
  for (const workers of [1, 8])
    assert.equal(digest(await collect(loader(1, open('off', { workers }).crops).epoch(2))), whole);
});

test('batches: flips and angles are random in training, none in validation; file order on request', async () => {
  const epochs = async (loader: Loader, n: number) =>
    (await Promise.all([...Array(n).keys()].map((e) => collect(loader.epoch(e))))).flat();
  const trained = await epochs(new Loader(shared, { batchSize: 35, seed: 0, augment: { rotation: 30 } }), 20);
  const flips = trained.flatMap((b) => [...b.flip]);
  // Five standard deviations of 1,400 throws: 5 * 18.7.
  assert.ok(Math.abs(flips.reduce((a, b) => a + b) - 700) < 94);
  const sines = trained.flatMap((b) => [...b.flip.keys()].map((i) => b.affine[i * 6 + 2] / 65536));
  const degrees = sines.map((s) => (Math.asin(s) * 180) / Math.PI);
  assert.ok(Math.max(...degrees) <= 30.001 && Math.max(...degrees) > 29);
  assert.ok(Math.min(...degrees) >= -30.001 && Math.min(...degrees) < -29);
  // Five standard errors: 5 * (60 / sqrt(12)) / sqrt(1400).
  assert.ok(Math.abs(degrees.reduce((a, b) => a + b) / degrees.length) < 2.4);
  const plain = new Loader(shared, { batchSize: 35, seed: 0, augment: null, shuffle: false });
  const [first, second] = await epochs(plain, 1);
  assert.equal([...first.rows, ...second.rows], [...Array(70).keys()]);
  assert.ok([...first.flip].every((f) => f === 0));
  assert.equal([...first.affine.subarray(0, 6)], [...rotationAffine(SIZE, SIZE, 0)]);
});

test('batches: none of a single sample, no sample lost; limit', async () => {
  const sizes = async (batchSize: number, limit?: number) =>
    (await collect(new Loader(shared, { batchSize, seed: 0, augment: { rotation: 30 }, limit }).epoch(0))).map(
      (b) => b.rows.length,
    );
  assert.equal(await sizes(23), [23, 23, 22, 2]);
  assert.equal(await sizes(2, 7), [2, 2, 3]);
  assert.equal(await sizes(35, 36), [34, 2]);
  assert.equal(await sizes(35, 1), [1]);
  assert.equal(await sizes(100), [70]);
  assert.equal(await sizes(1, 3), [1, 1, 1]);
});

test('a consumer that stops early ends cleanly; packs that are emptied are made again', async () => {
  const cache = temporary();
  const options = { batchSize: 10, seed: 0, augment: { rotation: 30 } };
  for await (const batch of new Loader(shared, options).epoch(0)) {
    assert.is(batch.rows.length, 10);
    break;
  }
  const opened = open(cache, { workers: 1 });
  await collect(new Loader(opened.crops, options).epoch(0));
  for (const name of readdirSync(cache)) writeFileSync(join(cache, name), '');
  assert.is((await readAll(opened)).wrong, 0);
});

givenShared(test, 'faces')('real photographs: all rows are read, the first sixty prepared', async () => {
  const photographs = `${SHARED}/faces`;
  const { samples, bad, dropped } = await readAffectNet(`${photographs}/training.csv`);
  assert.equal([samples.length, bad.length, dropped.size], [823, 0, 0]);
  const { crops } = open('off', { root: photographs, size: 32 }, [...samples].slice(0, 60));
  assert.is((await crops.usable()).length, 60);
});

test.after(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  rmSync(root, { recursive: true });
});

test.run();
