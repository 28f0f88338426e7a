// Annotations that are kept parsed: what is warm is what was cold, and whatever changes is seen.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AFFECTNET_COLUMNS,
  AFFWILD2_CLASSES,
  type AnnotationOptions,
  type Annotations,
  CLASSES,
  encodeAnnotationPickle,
  readAnnotations,
  writeSyntheticVideos,
} from '../../src/data';
import { layoutOf } from '../../src/data/annotations';
import { hashOf } from '../../src/data/data_hash';
import { type Keeping, keptAnnotations } from '../../src/data/kept_annotations';
import { writeSyntheticFolders } from '../../src/data/synthetic/synthetic_folders';
import { writeSyntheticNpy } from '../../src/data/synthetic/synthetic_npy';
import { cacheEntries, clearCache } from '../../src/device/node/cache';
import { numberNpy } from './npy_file';

const test = suite('kept annotations');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-kept-'));
test.after(() => rmSync(dir, { recursive: true }));

const cache = join(dir, 'cache');
const OPTIONS: AnnotationOptions = { dataset: 'affectnet', classes: CLASSES, imageDir: null, align: true };
/** Longer than a change may go by unseen. */
const tick = () => new Promise((done) => setTimeout(done, 70));

/** What is there, and how often it was read for that. */
async function ask(
  data: string,
  options: AnnotationOptions = OPTIONS,
  keeping: Keeping = { cache },
): Promise<{ reads: number; found: unknown }> {
  let reads = 0;
  const read = async (): Promise<Annotations> => {
    reads++;
    return readAnew(data, options);
  };
  return { found: plain(await keptAnnotations(data, options, keeping, read)), reads };
}

const plain = ({ train, val, hash }: Annotations) => [
  hash,
  ...[train, val].map((set) => set && { ...set, samples: [...set.samples], dropped: [...set.dropped] }),
];

async function readAnew(data: string, options: AnnotationOptions): Promise<Annotations> {
  return { ...(await (await layoutOf(data)).read(data, options)), hash: hashOf(data) };
}

const fresh = async (data: string, options = OPTIONS) => plain(await readAnew(data, options));

/** Cold, warm, and after each change: read once, then not again, and always what is there. */
async function follows(
  data: string,
  changes: Record<string, () => unknown>,
  options: AnnotationOptions = OPTIONS,
): Promise<void> {
  await tick();
  const same = async (reads: number, what: string): Promise<void> => {
    const got = await ask(data, options);
    assert.equal(got.found, await fresh(data, options), what);
    assert.is(got.reads, reads, what);
  };
  await same(1, 'cold');
  await same(0, 'warm');
  for (const [what, change] of Object.entries(changes)) {
    change();
    await tick();
    await same(1, what);
    await same(0, `${what}, warm`);
  }
}

const POINTS = Array.from({ length: 68 }, (_, i) => (i < 42 ? '50.9;60' : '90.5;60')).join(';');
const row = (image: string, expression: number, width: number | string = 100): string =>
  `${image},10,20,${width},100,${POINTS},${expression},0.5,-0.25\n`;

test('a CSV, with all that messages say of it', async () => {
  const file = join(dir, 'training.csv');
  const rows = [
    row('a/é.jpg', 3),
    row('b.jpg', 9),
    row('c.jpg', 1, 'x'),
    row('d.jpg', 2, 80),
    'e.jpg\n',
    row('f.jpg', 0),
  ];
  writeFileSync(file, `${AFFECTNET_COLUMNS.join()}\n${rows.join('')}`);
  const text = readFileSync(file, 'utf8');
  await follows(file, {
    'a row more': () => appendFileSync(file, row('g.jpg', 4)),
    'as large as before': () => writeFileSync(file, `${text}${row('h.jpg', 5)}`),
    'another in its place': () => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    },
  });
  // Other options are kept beside.
  assert.is((await ask(file, { ...OPTIONS, align: false })).reads, 1);
  assert.is((await ask(file, { ...OPTIONS, classes: CLASSES.slice(0, 4) })).reads, 1);
  assert.is((await ask(file)).reads, 0);
});

test('off, another folder, verify; what is damaged is read anew, and so is what cannot be kept', async () => {
  const file = join(dir, 'training.csv');
  const expected = await fresh(file);
  const other = join(dir, 'other');
  const reads = async (keeping: Keeping): Promise<number> => {
    const got = await ask(file, OPTIONS, keeping);
    assert.equal(got.found, expected, JSON.stringify(keeping));
    return got.reads;
  };
  assert.equal([await reads({ cache: 'off' }), await reads({ cache: 'off' })], [1, 1]);
  assert.not(existsSync('off'));
  assert.equal([await reads({ cache: other }), await reads({ cache: other })], [1, 0]);
  assert.equal([await reads({ cache: other, verify: true }), await reads({ cache: other })], [1, 0]);
  const [name] = readdirSync(join(other, 'annotations'));
  const kept = join(other, 'annotations', name);
  const bytes = readFileSync(kept);
  for (const at of [0, 9, 200, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Buffer.from(bytes);
    damaged[at] ^= 1;
    writeFileSync(kept, damaged);
    assert.equal([await reads({ cache: other }), await reads({ cache: other })], [1, 0], `byte ${at}`);
  }
  for (const [seal, none] of [
    ['"checksum"', '"checksun"'],
    ['"sha256:', '"sha257:'],
  ]) {
    const unsealed = Buffer.from(bytes.toString('latin1').replace(seal, none), 'latin1');
    unsealed[bytes.lastIndexOf('.jpg') + 3] ^= 1;
    writeFileSync(kept, unsealed);
    assert.equal([await reads({ cache: other }), await reads({ cache: other })], [1, 0], none);
  }
  for (const length of [0, 7, bytes.length - 1]) {
    truncateSync(kept, length);
    assert.equal([await reads({ cache: other }), await reads({ cache: other })], [1, 0], `${length} bytes`);
  }
  assert.equal(readdirSync(join(other, 'annotations')), [name]);
  writeFileSync(join(dir, 'no folder'), '');
  assert.equal(
    [await reads({ cache: join(dir, 'no folder') }), await reads({ cache: join(dir, 'no folder') })],
    [1, 1],
  );
});

test('by default for each user, where emotion-gcn cache finds and clears it', async () => {
  const file = join(dir, 'training.csv');
  const { XDG_CACHE_HOME: before } = process.env;
  process.env.XDG_CACHE_HOME = join(dir, 'user');
  try {
    const reads = async () => (await ask(file, OPTIONS, { cache: null })).reads;
    assert.equal([await reads(), await reads()], [1, 0]);
    assert.equal(
      cacheEntries().map(({ name, bytes }) => [name, bytes > 1000]),
      [['annotations', true]],
    );
    clearCache('annotations');
    assert.equal([await reads(), await reads()], [1, 0]);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
});

test('what changes while it is read is not kept', async () => {
  const file = join(dir, 'training.csv');
  await tick();
  const options = { ...OPTIONS, columns: null };
  await keptAnnotations(file, options, { cache }, async () => {
    const read = await readAnew(file, options);
    appendFileSync(file, row('late.jpg', 4));
    return read;
  });
  await tick();
  const got = await ask(file, options);
  assert.is(got.reads, 1);
  assert.equal(got.found, await fresh(file, options));
});

test('the npy release: labels changed in place, faces and sets that come and go', async () => {
  const data = join(dir, 'npy');
  await writeSyntheticNpy({ out: data, n: 14, validation: 7, seed: 5, size: 32 });
  const labels = join(data, 'train_set', 'annotations');
  const [first, second] = readdirSync(labels).filter((name) => name.endsWith('_val.npy'));
  const moved = join(dir, 'moved');
  writeFileSync(join(labels, first), numberNpy(0.125));
  await follows(data, {
    'a label in place': () => writeFileSync(join(labels, first), numberNpy(0.25)),
    'a label that is gone': () => rmSync(join(labels, second)),
    'a picture that is gone': () => {
      const images = join(data, 'train_set', 'images');
      rmSync(join(images, readdirSync(images)[0]));
    },
    'a set that is gone': () => renameSync(join(data, 'val_set'), moved),
    'a set that comes': () => renameSync(moved, join(data, 'val_set')),
  });
  // Landmarks are read with their picture.
  const landmarks = join(labels, readdirSync(labels).find((name) => name.endsWith('_lnd.npy')) as string);
  writeFileSync(landmarks, readFileSync(landmarks));
  mkdirSync(join(data, 'runs'));
  assert.is((await ask(data)).reads, 0);
});

test('many labels, in threads', async () => {
  const data = join(dir, 'many');
  for (const name of ['images', 'annotations']) mkdirSync(join(data, name), { recursive: true });
  const label = (i: number, name: string) => join(data, 'annotations', `${i}_${name}.npy`);
  for (let i = 0; i < 3000; i++) {
    writeFileSync(join(data, 'images', `${i}.jpg`), '');
    for (const name of ['exp', 'val', 'aro']) writeFileSync(label(i, name), numberNpy(name === 'exp' ? i % 7 : 0.5));
  }
  const change = (i: number) => () => writeFileSync(label(i, 'val'), numberNpy(-0.5));
  await follows(data, { 'the first': change(0), 'the last': change(2999) }, { ...OPTIONS, align: false });
});

test('a folder a class: pictures, classes, pairs of valence and arousal', async () => {
  const data = join(dir, 'folders');
  await writeSyntheticFolders({ out: data, n: 14, validation: 7, seed: 5, size: 32 });
  const [set] = readdirSync(data).filter((name) => name.startsWith('train'));
  const classes = readdirSync(join(data, set)).filter((name) => !name.includes('.'));
  const folder = join(data, set, classes[0]);
  const picture = join(folder, readdirSync(folder)[0]);
  const put = (name: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), readFileSync(picture));
  };
  const pairs = join(data, set, 'valence_arousal.csv');
  const text = existsSync(pairs) ? readFileSync(pairs, 'utf8') : '';
  await follows(data, {
    'a picture more': () => put('new.jpg'),
    'a folder below': () => put('below/deeper/new.jpg'),
    'a picture in it': () => put('below/deeper/other.jpg'),
    'a class that is gone': () => rmSync(join(data, set, classes[1]), { recursive: true }),
    'a class that is a link': () => {
      renameSync(join(data, set, classes[2]), join(dir, 'elsewhere'));
      symlinkSync(join(dir, 'elsewhere'), join(data, set, classes[2]));
    },
    'a picture in what is linked': () => writeFileSync(join(dir, 'elsewhere', 'new.jpg'), readFileSync(picture)),
    'other pairs': () => writeFileSync(pairs, text ? text.replace(/0\.\d/, '0.0') : 'file,valence,arousal\n'),
  });
});

test("Aff-Wild2's folder: labels and frames; and a pickle of it, whose frames are looked for", async () => {
  const data = join(dir, 'wild');
  const { annotations, videos } = await writeSyntheticVideos({ out: data, n: 28, validation: 14, seed: 5, size: 32 });
  const options: AnnotationOptions = { ...OPTIONS, dataset: 'affwild2', classes: AFFWILD2_CLASSES, imageDir: videos };
  const labels = join(annotations, 'VA_Set', 'Train_Set');
  const file = join(labels, readdirSync(labels)[0]);
  const text = readFileSync(file, 'utf8');
  const frames = join(videos, readdirSync(videos)[0]);
  const { train, val } = await readAnnotations(annotations, options);
  await follows(
    annotations,
    {
      'a label in place': () => writeFileSync(file, text.replace(/\d\n/, '1\n')),
      'a frame that is gone': () => rmSync(join(frames, readdirSync(frames)[0])),
    },
    options,
  );
  const pickled = join(dir, 'wild.pkl');
  writeFileSync(
    pickled,
    encodeAnnotationPickle({ train: train.samples, val: val!.samples }, 'affwild2', ({ image }) => `old/${image}`),
  );
  await follows(pickled, { 'the frames are moved': () => renameSync(videos, join(dir, 'gone')) }, options);
});

test('what leads out of the images is found warm as well: a folder that has become a link', async () => {
  const images = join(dir, 'images');
  mkdirSync(join(images, 'a'), { recursive: true });
  mkdirSync(join(dir, 'outside'));
  const file = join(dir, 'linked.csv');
  writeFileSync(
    file,
    `${AFFECTNET_COLUMNS.join()}\n${row('a/1.jpg', 3)}${row('a/2.jpg', 3)}${row('../x.jpg', 3)}${row('4.jpg', 3)}`,
  );
  await tick();
  const read = async () => {
    const { train } = await readAnnotations(file, { ...OPTIONS, imageDir: images }, { cache });
    return [train.samples.map(({ image }) => image), train.bad.map(({ where, image }) => `${where} ${image}`)];
  };
  const inside = [['a/1.jpg', 'a/2.jpg', '4.jpg'], ['linked.csv line 4 ../x.jpg']];
  assert.equal([await read(), await read()], [inside, inside]);
  rmSync(join(images, 'a'), { recursive: true });
  symlinkSync(join(dir, 'outside'), join(images, 'a'));
  assert.equal(await read(), [
    ['4.jpg'],
    ['../x.jpg', 'a/1.jpg', 'a/2.jpg'].map((path, i) => `linked.csv line ${[4, 2, 3][i]} ${path}`).sort(),
  ]);
});

test.run();
