// `inspect` of folders of data: what is said of each layout, and of what is wrong with it.
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES, decodeImage, prepareFace, readAnnotations } from '../../src/data';
import { poseFromLandmarks } from '../../src/data/landmarks';
import { writeSyntheticSet } from '../../src/data/synthetic/synthetic';
import { writeSyntheticFolders } from '../../src/data/synthetic/synthetic_folders';
import { writeSyntheticNpy } from '../../src/data/synthetic/synthetic_npy';
import { writeNpy } from '../../src/formats/npy_write';
import { type InspectSettings, inspect } from '../../src/train/inspect';
import { run } from '../cli/program';

const test = suite('inspect data');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-inspect-data-'));
test.after(() => rmSync(dir, { recursive: true }));

const plain: InspectSettings = { imageDir: null, dataset: null, numClasses: 7, maxBad: 1 };
const look = (data: string, more: Partial<InspectSettings> = {}) => inspect(data, null, { ...plain, ...more });
const options = (name: string) => ({ out: join(dir, name), n: 14, validation: 7, size: 64 });
const [npy, folders, csv] = ['npy', 'folders', 'csv'].map((name) => join(dir, name));
const image = (set: 'train' | 'val', id: number) => join(npy, `${set}_set/images/${id}.jpg`);

test('a good set of each layout: its name, counts by class, nothing missing, one size, nothing twice', async () => {
  await writeSyntheticNpy(options('npy'));
  await writeSyntheticFolders(options('folders'));
  await writeSyntheticSet(options('csv'));
  for (const [name, data] of Object.entries({ npy, folders, csv })) {
    const { kind, facts, table, refused } = await look(data, { maxBad: 0 });
    assert.is(kind, 'annotations');
    assert.is(refused, undefined);
    const { layout, classes: _, ...rest } = facts;
    assert.is(layout, name);
    const of = (set: string, n: number) => ({
      [`${set}: samples`]: n,
      [`${set}: broken`]: 0,
      [`${set}: missing pictures`]: 0,
      [`${set}: unreadable`]: 0,
      [`${set}: sizes`]: '64 x 64',
      [`${set}: the same picture more than once`]: 0,
    });
    assert.equal(rest, { ...of('train', 14), ...of('val', 7), 'the same picture in training and validation': 0 }, name);
    assert.equal(table!.slice(0, 3), [
      ['class', 'train', 'val'],
      ['Neutral', '2 (14.3 %)', '1 (14.3 %)'],
      ['Happy', '2 (14.3 %)', '1 (14.3 %)'],
    ]);
  }
});

test('the sheet has the faces as training sees them, a row a class, a block a set', async () => {
  const sheet = join(dir, 'sheet.png');
  const { facts } = await look(npy, { contactSheet: sheet });
  assert.is(facts['contact sheet'], sheet);
  assert.is((await look(npy, { numClasses: 8 })).facts['train: no face of'], 'Contempt');
  const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
  assert.equal([info.width, info.height, info.channels], [12 + 130 + 2 * 684, 12 + 32 + 7 * 84 + 8, 3]);
  const { train, val } = await readAnnotations(npy, { dataset: 'affectnet', classes: CLASSES, imageDir: null });
  for (const [b, set] of [train, val!].entries())
    for (const c of [0, 6]) {
      const sample = [...set.samples].find(({ expression }) => expression === c)!;
      const picture = await decodeImage(readFileSync(join(set.root!, sample.image)));
      const { landmarks } = sample.pose as { landmarks: string };
      const wanted = prepareFace(picture, poseFromLandmarks(readFileSync(join(set.root!, landmarks)), 64, 64), 80);
      const [left, top] = [142 + b * 684, 44 + c * 84];
      for (let y = 0; y < 80; y += 7) {
        const row = data.subarray(3 * ((top + y) * info.width + left), 3 * ((top + y) * info.width + left + 80));
        assert.equal(new Uint8Array(row), wanted.data.slice(240 * y, 240 * (y + 1)), `${b}, ${c}, row ${y}`);
      }
    }
});

test('npy: what is missing, cut off, of another size, there twice, outside -1 .. 1, and landmarks that are none', async () => {
  rmSync(image('train', 0));
  truncateSync(image('train', 1), 1000);
  writeFileSync(image('train', 2), 'no picture');
  await sharp({ create: { width: 90, height: 60, channels: 3, background: '#123456' } })
    .jpeg()
    .toFile(image('train', 3));
  copyFileSync(image('val', 0), image('train', 4));
  copyFileSync(image('train', 5), image('train', 6));
  const label = (id: number, what: string, text: string | Float64Array) =>
    writeFileSync(join(npy, `train_set/annotations/${id}_${what}.npy`), writeNpy(text));
  label(7, 'val', '1.5');
  label(8, 'val', '-2');
  label(8, 'aro', '-2');
  label(9, 'exp', '7');
  label(10, 'lnd', Float64Array.of(1, 2));
  rmSync(join(npy, 'train_set/annotations/11_lnd.npy'));
  const { facts, refused } = await look(npy);
  assert.is(refused, undefined);
  const train = Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (name.startsWith('train: ') ? [[name.slice(7), value]] : [])),
  );
  assert.is(train['dropped, expression 7'], 1);
  assert.match(train['without valence and arousal'] as string, /^1 \(/);
  // Of 14 faces one has no picture, one valence 1.5, one no landmarks.
  assert.is(train.broken, 3);
  assert.is(train['broken, valence or arousal outside -1 .. 1'], 1);
  assert.match(train['broken, such as'] as string, /1 as train_set: images\/0\.jpg: no such picture/);
  assert.is(train.unreadable, 3);
  assert.match(train['first unreadable'] as string, /images\/1\.jpg: truncated or damaged/);
  assert.match(train['odd sizes'] as string, /^1 of 7 are not 64 x 64, such as images\/3\.jpg: 90 x 60$/);
  assert.match(train['the same picture more than once'] as string, /^1, the first images\/5\.jpg and images\/6\.jpg$/);
  assert.match(
    facts['the same picture in training and validation'] as string,
    /^1, the first train: images\/4\.jpg and val: images\/0\.jpg$/,
  );
  const all = await look(npy, { decode: true });
  assert.equal(all.facts, facts, 'decoded or not');
});

test('a picture that goes after it was listed is missing; one that is damaged in its middle only decoding tells', async () => {
  const first = readFileSync(join(csv, 'training.csv'), 'utf8').split('\n')[1].split(',')[0];
  const [name, n] = ['images/validation/00003.jpg', 'images/validation/00004.jpg'];
  rmSync(join(csv, first));
  const bytes = readFileSync(join(csv, name));
  bytes.fill(0xff, 900, 1000);
  writeFileSync(join(csv, name), bytes);
  const { facts } = await look(csv);
  assert.is(facts['train: missing pictures'], 1);
  assert.is(facts['train: first missing'], first);
  assert.is(facts['val: unreadable'], 0);
  assert.is((await look(csv, { decode: true })).facts['val: unreadable'], 1);
  rmSync(join(csv, n));
  symlinkSync('/etc/passwd', join(csv, n));
  const linked = (await look(csv)).facts;
  assert.is(linked['val: links that lead out'], 1);
});

test('sets that lie in two places, by --val_data', async () => {
  for (const [data, valData, imageDir] of [
    [join(npy, 'train_set'), join(npy, 'val_set'), null],
    [join(csv, 'training.csv'), join(csv, 'validation.csv'), csv],
  ] as const) {
    const { facts } = await look(data, { valData, imageDir });
    const { facts: together } = await look(data.replace(/\/[^/]*$/, ''));
    assert.equal(facts, together, data);
    assert.is(facts['val: samples'], 7);
  }
});

test('folders with names of their own are the classes', async () => {
  const own = join(dir, 'own');
  await writeSyntheticFolders({ ...options('own'), n: 7 });
  for (const part of ['train', 'val'])
    for (const [i, name] of CLASSES.entries()) {
      renameSync(join(own, part, name), join(own, part, `mood ${i}`));
    }
  rmSync(join(own, 'valence_arousal.csv'));
  const { facts, table } = await look(own);
  assert.is(facts.classes, CLASSES.map((_, i) => `mood ${i}`).join(','));
  assert.equal(table![1], ['mood 0', '1 (14.3 %)', '1 (14.3 %)']);
});

test('the command: what is wrong is said, and that training would not begin, exit 2', async () => {
  const { code, out, err } = await run(['inspect', npy]);
  assert.is(code, 2);
  assert.match(out, /layout +npy\n/);
  assert.match(out, /Neutral/);
  assert.match(
    err,
    /error: \S+npy: 6 of 13 rows and images cannot be used, more than 1 % \(--max_bad 0\.01\): training/,
  );
  const other = await run(['inspect', folders, '--contact_sheet', join(dir, 'a.jpg')]);
  assert.is(other.code, 2);
  assert.match(other.err, 'expects a file that ends in .png');
  for (const [data, reason] of [
    ['test/golden/pickles/adj_pandas15.pkl', /expects annotated pictures, found .*: adjacency/],
    [join(csv, 'training.csv'), /no pictures without --image_dir/],
  ] as const) {
    const error: Error = await look(data, { contactSheet: join(dir, 'none.png') }).then(
      () => assert.unreachable(data),
      (e) => e,
    );
    assert.match(error.message, reason);
  }
});

test.run();
