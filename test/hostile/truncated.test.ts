// Every format, cut at every tenth byte and with bytes changed: a value or one error that names the file, never anything else.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AFFWILD2_CLASSES, CLASSES, decodeImage, listPictures, loadEmbedding, readAnnotations } from '../../src/data';
import { inFile } from '../../src/data/files';
import { poseFromLandmarks } from '../../src/data/landmarks';
import { readNpy } from '../../src/formats/npy';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { computeMetrics } from '../../src/train/measures/metrics';
import { newProgress, progressOf } from '../../src/train/run/checkpoint';
import { readRun } from '../../src/train/run/read_run';
import { readTrainArgs } from '../../src/train/settings/args';

const test = suite('truncated');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-truncated-'));
test.after(() => rmSync(dir, { recursive: true }));

function* damaged(file: Uint8Array): Generator<Uint8Array> {
  const step = Math.max(10, Math.ceil(file.length / 500 / 10) * 10);
  for (let n = 0; n < file.length; n += step) yield file.subarray(0, n);
  let h = 1;
  const next = (below: number): number => {
    h = (Math.imul(h, 1664525) + 1013904223) >>> 0;
    return Math.floor((h / 2 ** 32) * below);
  };
  for (let i = 0; i < 200 && file.length > 0; i++) {
    const copy = Uint8Array.from(file);
    copy[next(copy.length)] = next(256);
    yield copy;
  }
}

/** @returns how many were refused */
async function survives(file: Uint8Array, read: (bytes: Uint8Array) => unknown, names: RegExp | null): Promise<number> {
  await read(file);
  let refused = 0;
  for (const bytes of damaged(file)) {
    try {
      await read(bytes);
    } catch (error) {
      const { name, message, stack } = error as Error;
      assert.is(name, names ? 'InputError' : 'ImageError', stack);
      if (names) assert.match(message, names);
      assert.ok(message.length < 3000, message);
      refused++;
    }
  }
  await read(file);
  return refused;
}

/** Reads bytes through a file of this name. */
const through = (name: string, read: (path: string) => unknown) => {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  return async (bytes: Uint8Array) => {
    writeFileSync(path, bytes);
    return read(path);
  };
};
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

test('safetensors', async () => {
  const file = writeSafetensors({
    a: { shape: [3, 4], data: new Float32Array(12) },
    b: { shape: [], data: Int32Array.of(1) },
  });
  assert.ok((await survives(file, (bytes) => readSafetensors(bytes, 'cut'), /^cut: byte/)) > file.length / 10);
});

test('npy: headers, numbers, texts, landmarks', async () => {
  for (const name of ['exp_text20', 'lnd_68x2', 'version2', 'version3', 'texts', 'fortran_i4', 'half']) {
    const file = readFileSync(`test/golden/npy/${name}.npy`);
    const cut = await survives(file, (bytes) => inFile('cut', () => readNpy(bytes, 'cut').toList()), /^cut: /);
    assert.ok(cut >= file.length / 10, name);
  }
  const landmarks = readFileSync('test/golden/npy/lnd_f8.npy');
  assert.ok((await survives(landmarks, (bytes) => poseFromLandmarks(bytes, 224, 224), null)) >= landmarks.length / 10);
});

test('lists, CSV files and texts', async () => {
  const points = Array.from({ length: 136 }, (_, i) => i).join(';');
  const header =
    'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal';
  const csv = `${header}\n${`a.jpg,0,0,10,10,${points},1,0.5,0.5\n`.repeat(3)}`;
  const annotations = (data: string) =>
    readAnnotations(data, { dataset: 'affectnet', classes: CLASSES, imageDir: dir });
  await survives(encode(csv), through('rows.csv', annotations), /rows\.csv/);
  const list = through('list.csv', async (source) => {
    for await (const { file } of listPictures(source, { imageDir: dir })) assert.ok(file);
  });
  await survives(encode(csv), list, /list\.csv/);
  const glove = readFileSync('test/golden/data/glove_tiny.txt');
  await survives(
    glove,
    through('glove.txt', (file) => loadEmbedding(file, CLASSES)),
    /glove\.txt/,
  );
  mkdirSync(join(dir, 'videos/v'), { recursive: true });
  writeFileSync(join(dir, 'videos/v/00001.jpg'), 'x');
  for (const set of ['EXPR_Set', 'VA_Set'])
    for (const part of ['Train_Set', 'Validation_Set']) {
      mkdirSync(join(dir, `notes/${set}/${part}`), { recursive: true });
      writeFileSync(
        join(dir, `notes/${set}/${part}/v.txt`),
        set === 'VA_Set' ? 'valence,arousal\n0.5,0.5\n' : 'Neutral\n1\n',
      );
    }
  const read = () =>
    readAnnotations(join(dir, 'notes'), {
      dataset: 'affwild2',
      classes: AFFWILD2_CLASSES,
      imageDir: join(dir, 'videos'),
    });
  for (const set of ['EXPR_Set', 'VA_Set']) {
    const name = `notes/${set}/Train_Set/v.txt`;
    await survives(readFileSync(join(dir, name)), through(name, read), /(Train_Set|v\.txt)/);
  }
});

test('pictures', async () => {
  const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * i) % 251);
  const picture = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
    const file = await picture.clone().toFormat(format).toBuffer();
    assert.ok((await survives(file, decodeImage, null)) > 0, format);
  }
  const ppm = Buffer.concat([Buffer.from('P6 40 30 255\n'), pixels]);
  assert.ok((await survives(ppm, decodeImage, null)) >= ppm.length / 10, 'ppm');
  const svg = encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>');
  for (const file of [
    svg,
    encode(`<?xml version="1.0"?>${Buffer.from(svg)}`),
    encode('VIPS'),
    encode('#?RADIANCE\n'),
  ]) {
    const refusal = await decodeImage(file).then(String, (error: Error) => error.message);
    assert.match(refusal, /not an image, or a format that cannot be read/);
  }
});

test("a run's files", async () => {
  const args = readTrainArgs({ image_dir: dir, data: 'a.csv', saved_model: join(dir, 'run') });
  const run = join(dir, 'run');
  const json = encode(`${JSON.stringify({ ...args, classes: CLASSES, kernels: {} }, null, 2)}\n`);
  const readArgs = through('run/args.json', () => readRun(run));
  await survives(json, readArgs, /args\.json/);
  const csv =
    'epoch,lr,train_loss,train_cat,train_cont,train_accuracy,val_loss,val_cat,val_cont,val_accuracy,val_ccc_valence,val_ccc_arousal,seconds\n' +
    '1,0.1,1,1,1,0.5,1,1,1,0.5,0.1,0.1,9\n2,0.1,1,1,1,0.5,1,1,1,0.5,0.1,0.1,9\n';
  await survives(
    encode(csv),
    through('run/results.csv', () => readRun(run)),
    /results\.csv/,
  );
  writeFileSync(join(run, 'results.csv'), csv);
  const labels = CLASSES.map((_, i) => i);
  const measured = computeMetrics({ classes: CLASSES, labels, predicted: labels });
  const metrics = encode(JSON.stringify({ ...measured, best_epoch: 1 }));
  await survives(
    metrics,
    through('run/metrics.json', () => readRun(run)),
    /metrics\.json/,
  );
});

test('the progress of a run is believed where it is one', async () => {
  const good = { ...newProgress(), best: { epoch: 0, accuracy: 0.5, loss: 1, ccc: null } };
  assert.equal(progressOf({ progress: JSON.stringify(good) }, 'x'), good);
  const { best: _, ...older } = good;
  assert.equal(progressOf({ progress: JSON.stringify(older) }, 'x'), newProgress(), 'of a version before it was kept');
  const bad: Record<string, unknown>[] = [
    { epoch: -1 },
    { epoch: 1e300 },
    { step: 0.5 },
    { step: '3' },
    { stopped: 1 },
    { tally: null },
    { tally: { ...good.tally, samples: [] } },
    { tally: { ...good.tally, loss: 'x' } },
    { best: 3 },
    { best: { epoch: 0, accuracy: 'x', loss: 1, ccc: 1 } },
  ];
  const texts = [...bad.map((part) => JSON.stringify({ ...good, ...part })), 'null', '[]', '3', '"x"', '{', ''];
  for (const progress of texts)
    assert.throws(() => progressOf({ progress }, 'x'), /^x: expected the progress of a run/, progress);
  await survives(
    encode(JSON.stringify(good)),
    (bytes) => progressOf({ progress: new TextDecoder().decode(bytes) }, 'cut'),
    /^cut: /,
  );
});

test.run();
