// Preparation in threads, its cache, the loader: on drawn faces.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MachineError } from '../../src/base/errors';
import { clearCropCache, cropCacheUse } from '../../src/data/crop_cache';
import type { CropSet } from '../../src/data/crop_set';
import { prepareCrops } from '../../src/data/crops';
import type { FacePose } from '../../src/data/face';
import { prepareFace } from '../../src/data/face';
import { decodeImage } from '../../src/data/image';
import { runImageWorkers } from '../../src/data/image_workers';
import { readAffectNet } from '../../src/data/layouts/csv';
import { type Batch, Loader } from '../../src/data/loader';
import { rotationAffine } from '../../src/data/rotate';
import { type Sample, Samples } from '../../src/data/sample_columns';
import type { AnnotationSet } from '../../src/data/samples';
import { writeSyntheticSet } from '../../src/data/synthetic';
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
  shared = await prepare('off');
});

const prepare = (
  cache: string,
  more: Partial<Parameters<typeof prepareCrops>[1]> = {},
  samples: Iterable<Sample> = set.samples,
) => prepareCrops(Samples.of(samples), { imageDir: faces, size: SIZE, cache, workers: 2, ...more });

/** Reads all crops and closes the set; the number of wrong bytes. */
async function wrongBytes(crops: CropSet): Promise<number> {
  let wrong = 0;
  for (const [i, sample] of [...crops.samples].entries()) {
    const pixels = new Uint8Array(SIZE * SIZE * 3);
    await crops.read([i], pixels);
    wrong += differences(pixels, prepared[[...set.samples].findIndex((s) => s.where === sample.where)]);
  }
  await crops.close();
  return wrong;
}

test('crops are what one thread makes, for any number of threads; the second time they come from the cache', async () => {
  const cache = temporary();
  for (const [workers, made] of [
    [3, N],
    [1, 0],
    [2, 0],
  ] as const) {
    const seen: number[] = [];
    const crops = await prepare(cache, { workers, onProgress: (done, total) => seen.push(done / total) });
    assert.is(crops.made, made);
    assert.equal(
      crops.samples.map((s) => s.where),
      set.samples.map((s) => s.where),
    );
    assert.is(seen.at(-1), 1);
    assert.is(await wrongBytes(crops), 0);
  }
  assert.ok(cropCacheUse(cache).bytes >= N * SIZE * SIZE * 3);
  assert.is(clearCropCache(cache).bytes > 0, true);
  assert.equal(cropCacheUse(cache), { files: 0, bytes: 0 });
});

test('content and settings decide, not names and times', async () => {
  const cache = temporary();
  await (await prepare(cache, {}, [...set.samples].slice(0, 20))).close();
  const made = async (samples: Iterable<Sample>, size = SIZE, imageDir = faces) => {
    const crops = await prepare(cache, { size, imageDir }, samples);
    await crops.close();
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
  writeFileSync(join(elsewhere, 'copy.jpg'), readFileSync(join(faces, first.image)));
  assert.is(await made([{ ...first, image: 'copy.jpg' }], SIZE, elsewhere), 0);
  writeFileSync(join(elsewhere, 'copy.jpg'), readFileSync(join(faces, set.samples.at(1).image)));
  assert.is(await made([{ ...first, image: 'copy.jpg' }], SIZE, elsewhere), 1);
});

test('a damaged or cut cache is noticed and mended', async () => {
  const cache = temporary();
  await (await prepare(cache, { workers: 1 })).close();
  const [pack] = readdirSync(cache).map((name) => join(cache, name));
  const bytes = readFileSync(pack);
  const record = 32 + SIZE * SIZE * 3;
  assert.is(bytes.length, N * record);
  bytes[3 * record + 100] ^= 1; // a pixel
  bytes[5 * record + 20] ^= 1; // a digest
  bytes[7 * record] ^= 1; // a key
  writeFileSync(pack, bytes.subarray(0, bytes.length - 10)); // the last record
  const crops = await prepare(cache);
  assert.is(crops.made, 4);
  assert.is(await wrongBytes(crops), 0);
  const again = await prepare(cache);
  assert.is(again.made, 0);
  assert.is(await wrongBytes(again), 0);
});

test('a cache that is cleared takes nothing from those who use it: not after preparing, and not meanwhile', async () => {
  for (const clear of [clearCropCache, (dir: string) => rmSync(dir, { recursive: true })]) {
    const cache = temporary();
    const crops = await prepare(cache);
    clear(cache);
    assert.is(await wrongBytes(crops), 0);

    await (await prepare(cache)).close();
    for (const at of [1, N / 2, N]) {
      let cleared = false;
      const meanwhile = await prepare(cache, {
        workers: 1,
        onProgress: (done) => {
          if (cleared || done < at) return;
          cleared = true;
          clear(cache);
        },
      });
      assert.ok(meanwhile.made > 0, 'what is missing is prepared again');
      clear(cache);
      assert.is(await wrongBytes(meanwhile), 0);
    }
  }
});

test('a cache that loses all at once, again and again, is given up; what a hook throws ends the preparation alone', async () => {
  const cache = temporary();
  let error = await prepare(cache, { onProgress: (done, n) => void (done === n && clearCropCache(cache)) }).then(
    () => assert.unreachable(),
    (e: unknown) => e,
  );
  assert.instance(error, MachineError);
  assert.match((error as Error).message, /vanish as soon as they are made; give another --cache/);
  const boom = () => {
    throw new Error('boom');
  };
  error = await prepare(cache, { onProgress: boom }).catch((e: unknown) => e);
  assert.is((error as Error).message, 'boom');
});

test('two at once in one cache', async () => {
  const cache = temporary();
  const both = await Promise.all([prepare(cache), prepare(cache)]);
  for (const crops of both) assert.is(await wrongBytes(crops), 0);
  const third = await prepare(cache);
  assert.is(third.made, 0);
  assert.is(await wrongBytes(third), 0);
});

test('without a cache nothing is left behind', async () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('emotion-gcn-crops-'));
  const before = left();
  const crops = await prepare('off');
  assert.is(left().length, before.length + 1);
  assert.is(crops.made, N);
  assert.is(await wrongBytes(crops), 0);
  assert.equal(left(), before);
  await refusal(() => prepare('off', { imageDir: temporary() }), /cannot be used/);
  assert.equal(left(), before);
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

test('bad images are named and left out up to the limit', async () => {
  const { dir, samples } = broken();
  const badRows = [{ where: 'training.csv line 99', image: 'x.jpg', reason: 'both eyes' }];
  const options = { imageDir: dir, badRows, maxBad: 5 / 6 };
  const crops = await prepare(temporary(), options, samples);
  assert.equal(
    crops.samples.map((s) => s.image),
    ['good.jpg'],
  );
  const list = crops.bad.map(({ where, image, reason }) => `${where}: ${image}: ${reason}`);
  const wanted = [
    /^training.csv line 99: x.jpg: both eyes$/,
    /^training.csv line 2: missing.jpg: no such file$/,
    /^training.csv line 3: empty.jpg: zero bytes$/,
    /^training.csv line 4: text.jpg: not an image/,
    /^training.csv line 5: cut.jpg: truncated/,
  ];
  assert.is(list.length, wanted.length);
  list.forEach((line, i) => {
    assert.match(line, wanted[i]);
  });
  await crops.close();
  await refusal(() => prepare(temporary(), { ...options, maxBad: 0.82 }, samples), /5 of 6 rows .* more than 82 %/);
  await refusal(() => prepare(temporary(), { imageDir: dir }, samples), /line 2: missing.jpg: no such file\n/);
});

test('with a wrong directory the list stops at twenty', async () => {
  const many = Array.from({ length: 500 }, (_, i) => ({
    ...set.samples.at(0),
    image: `${i}.jpg`,
    where: `training.csv line ${i + 2}`,
  }));
  await refusal(() => prepare(temporary(), { imageDir: temporary() }, many), /(line \d+.*\n.*){20}\.\.\. and \d+ more/);
  await refusal(() => prepare(temporary(), { imageDir: join(faces, 'none') }), /none: no such image directory/);
  await refusal(() => prepare(join(faces, 'training.csv')), /training.csv: cannot be made for the crop cache/);
});

test('a thread that dies is an error, not a hang', async () => {
  const jobs = set.samples.map(({ pose, image }, index) => ({
    pose: pose as FacePose,
    index,
    file: join(faces, image),
  }));
  const dir = temporary();
  const dying = {
    'exit.mjs': "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3));",
    'quiet.mjs':
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => parentPort.close());",
    'throw.mjs': "throw new Error('no memory');",
  };
  const reasons = [/exit code 3/, /70 of 70 images are not done/, /no memory/];
  for (const [i, [name, text]] of Object.entries(dying).entries()) {
    writeFileSync(join(dir, name), text);
    const program = new URL(`file://${join(dir, name)}`);
    await refusal(
      () => runImageWorkers(jobs, { store: dir, imageDir: faces, size: SIZE }, 2, () => true, { program }),
      reasons[i],
      'MachineError',
    );
  }
  // The cache's directory goes away: the thread cannot write.
  const store = join(dir, 'file');
  writeFileSync(store, '');
  await refusal(
    () => runImageWorkers(jobs, { store, imageDir: faces, size: SIZE }, 2, () => true),
    /EEXIST|ENOTDIR/,
    'MachineError',
  );
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
  const threads = await prepare('off', { workers: 3 });
  assert.equal(digest(await collect(loader(1, threads).epoch(2))), whole);
  await threads.close();
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

test('a consumer that stops early, and crops that are gone, end cleanly', async () => {
  const cache = temporary();
  const loader = new Loader(shared, { batchSize: 10, seed: 0, augment: { rotation: 30 } });
  for await (const batch of loader.epoch(0)) {
    assert.is(batch.rows.length, 10);
    break;
  }
  const gone = await prepare(cache, { workers: 1 });
  for (const pack of readdirSync(cache)) writeFileSync(join(cache, pack), '');
  let message = '';
  await collect(new Loader(gone, { batchSize: 10, seed: 0, augment: { rotation: 30 } }).epoch(0)).catch((e) => {
    message = e.message;
  });
  assert.match(message, /ends early/);
  await gone.close();
});

givenShared(test, 'faces')('real photographs: all rows are read, the first sixty prepared', async () => {
  const photographs = `${SHARED}/faces`;
  const { samples, bad, dropped } = await readAffectNet(`${photographs}/training.csv`);
  assert.equal([samples.length, bad.length, dropped.size], [823, 0, 0]);
  const crops = await prepare('off', { imageDir: photographs, size: 32 }, [...samples].slice(0, 60));
  assert.is(crops.bad.length, 0);
  await crops.close();
});

test.after(async () => {
  await shared.close();
  rmSync(root, { recursive: true });
});

test.run();
