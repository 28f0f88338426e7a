// What people are sent and make: the npy release, a folder a class, CSV files with columns of one's own.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AFFECTNET_COLUMNS, CLASSES, EIGHT_CLASSES, readAnnotations } from '../../src/data';
import { hasOwnPictures, layoutOf } from '../../src/data/annotations';
import { folderClasses } from '../../src/data/layouts/folders';
import { type Annotations, rootOf } from '../../src/data/layouts/layout';
import { describeAnnotations, withValenceArousal } from '../../src/data/samples';
import { refusal } from './goldens';
import { intNpy, level, listNpy, numberNpy, textNpy } from './npy_file';

const test = suite('layouts');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-layouts-'));
test.after(() => rmSync(dir, { recursive: true }));

const put = (path: string, content: string | Uint8Array = 'x'): string => {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const options = { dataset: 'affectnet', classes: CLASSES, imageDir: null } as const;
const reasons = ({ bad }: { bad: readonly { image: string; reason: string }[] }) =>
  bad.map(({ image, reason }) => `${image}: ${reason}`);

/** Places that a reading depends on. */
const sourcesIn = ({ sources }: Pick<Annotations, 'sources'>): string[] =>
  sources.map(({ path, counts }) => relative(dir, path) + (counts === 'parts' ? ' (parts)' : '')).sort();

/** A face of the npy release; null: without that file. */
function face(
  set: string,
  id: string,
  {
    exp = textNpy('1'),
    val = textNpy('0.5'),
    aro = textNpy('-0.25'),
    lnd = listNpy(level()),
    jpg = 'x',
  }: Partial<Record<'exp' | 'val' | 'aro' | 'lnd', Uint8Array | null> & { jpg: string | null }> = {},
): void {
  for (const [name, content] of Object.entries({ exp, val, aro, lnd }))
    if (content) put(`${set}/annotations/${id}_${name}.npy`, content);
  if (jpg !== null) put(`${set}/images/${id}.jpg`, jpg);
}

test('npy: labels as numbers of any kind or as text; other classes are dropped, what is broken is named', async () => {
  const [set, golden] = ['a/train_set', (name: string) => `test/golden/npy/${name}.npy`];
  face(set, '2', { exp: intNpy(3), val: numberNpy(-1), aro: numberNpy(1) });
  face(set, '10', { exp: textNpy('6', 20), val: textNpy('-0.496032', 20) });
  face(set, '1', { exp: numberNpy(0) });
  face(set, '3', { exp: textNpy('7') });
  face(set, '4', { val: textNpy('-2'), aro: intNpy(-2) });
  face(set, '5', { val: null, aro: null });
  for (const [name, ids] of Object.entries({ exp_text_big: '6', exp_bytes: '7', exp_one: '8', exp_int: '9' })) {
    face(set, ids);
    copyFileSync(golden(name), join(dir, set, `annotations/${ids}_exp.npy`));
  }
  face(set, '20', { lnd: null });
  face(set, '21', { exp: null });
  face(set, '22', { jpg: null });
  face(set, '23', { exp: numberNpy(1.5) });
  face(set, '24', { val: textNpy('high') });
  face(set, '25', { aro: numberNpy(1.01) });
  face(set, '26', { exp: listNpy([1, 2]) });
  face(set, '27', { val: numberNpy(0).subarray(0, 100) });
  face(set, '28');
  copyFileSync(golden('refused_object'), join(dir, set, 'annotations/28_exp.npy'));
  put(`${set}/images/.DS_Store`);
  const { train, val } = await readAnnotations(join(dir, 'a'), options);
  assert.is(val, null);
  assert.is(train.root, join(dir, set));
  assert.equal(
    train.samples.map(({ image, expression, valence, arousal }) => [image, expression, valence, arousal]),
    [
      ['images/1.jpg', 0, 0.5, -0.25],
      ['images/2.jpg', 3, -1, 1],
      ['images/4.jpg', 1, Number.NaN, Number.NaN],
      ['images/5.jpg', 1, Number.NaN, Number.NaN],
      ['images/6.jpg', 5, 0.5, -0.25],
      ['images/7.jpg', 6, 0.5, -0.25],
      ['images/8.jpg', 2, 0.5, -0.25],
      ['images/9.jpg', 3, 0.5, -0.25],
      ['images/10.jpg', 6, -0.496032, -0.25],
    ],
  );
  assert.equal(train.samples.at(1).pose, { landmarks: 'annotations/2_lnd.npy' });
  assert.equal([...train.dropped], [['expression 7', 1]]);
  assert.is(train.rows, 19);
  const expected = [
    /^images\/20.jpg: there is no annotations\/20_lnd.npy; --align off/,
    /^images\/21.jpg: there is no annotations\/21_exp.npy$/,
    /^images\/22.jpg: no such picture/,
    /23_exp.npy: expected an integer, found 1.5/,
    /24_val.npy: expected a number, found "high"/,
    /25_aro.npy: expected -1 .. 1, found 1.01/,
    /26_exp.npy: expected one number, found an array f8 \[2\]/,
    /27_val.npy: byte 10|27_val.npy: byte 8/,
    /28_exp.npy: byte 10: expected .* found an array of objects/,
  ];
  assert.is(train.bad.length, expected.length, reasons(train).join('\n'));
  for (const [i, reason] of reasons(train).entries()) assert.match(reason, expected[i]);
  assert.is(withValenceArousal(train, 'multi_task').samples.length, 7);

  const eight = await readAnnotations(join(dir, 'a'), { ...options, classes: EIGHT_CLASSES, align: false });
  assert.is(eight.train.samples.length, 11, 'contempt, and the face without landmarks');
  assert.ok(eight.train.samples.map(({ pose }) => pose).every((pose) => pose === null));
});

test('npy: both sets, one by itself, and which folder paths start from', async () => {
  face('b/train_set', '1');
  face('b/train_set', '2');
  face('b/val_set', '1', { exp: intNpy(4) });
  const both = await readAnnotations(join(dir, 'b'), options);
  assert.equal([both.train.samples.length, both.val?.samples.length], [2, 1]);
  assert.is(both.val?.root, join(dir, 'b/val_set'));
  assert.equal(sourcesIn(both), [
    'b (parts)',
    'b/annotations',
    'b/images',
    'b/train_set/annotations',
    'b/train_set/images',
    'b/val_set/annotations',
    'b/val_set/images',
  ]);
  const alone = await readAnnotations(join(dir, 'b/val_set'), options);
  assert.equal([alone.train.samples.at(0).expression, alone.val], [4, null]);
  // An image directory that holds the set is where paths start; of another the set has no need.
  const above = await readAnnotations(join(dir, 'b'), { ...options, imageDir: dir });
  assert.equal([above.train.root, above.train.samples.at(0).image], [dir, 'b/train_set/images/1.jpg']);
  assert.equal(above.train.samples.at(0).pose, { landmarks: 'b/train_set/annotations/1_lnd.npy' });
  const beside = await readAnnotations(join(dir, 'b'), { ...options, imageDir: join(dir, 'b/train_set/images') });
  assert.equal([beside.train.root, beside.train.bad], [join(dir, 'b/train_set'), []]);
  await refusal(
    () => readAnnotations(join(dir, 'b'), { ...options, dataset: 'affwild2' }),
    /labels of AffectNet, which go with --dataset affectnet/,
  );
});

test('npy: pictures of any kind; of two with one name, either', async () => {
  for (const [id, ...endings] of [
    ['1', '.png'],
    ['2', '.JPG'],
    ['3', '.webp'],
    ['4', '.jpg', '.png'],
    ['5', '.png', '.webp'],
    ['6', '.jpg', '.webp'],
    ['7', '.JPG', '.webp', '.jpg'],
  ]) {
    face('kinds/train_set', id, { jpg: null });
    for (const ending of endings) put(`kinds/train_set/images/${id}${ending}`);
  }
  const { train } = await readAnnotations(join(dir, 'kinds'), options);
  assert.equal([reasons(train), train.samples.length], [[], 7]);
  assert.equal(train.samples.map(({ image }) => image).slice(0, 3), ['images/1.png', 'images/2.JPG', 'images/3.webp']);
});

test('npy: many faces, read in threads, give the same as few', async () => {
  for (let i = 0; i < 1100; i++)
    face('many/train_set', String(i), { exp: textNpy(String(i % 7)), aro: null, lnd: null, jpg: '' });
  put('many/train_set/annotations/1050_exp.npy', 'no array');
  const { train } = await readAnnotations(join(dir, 'many'), { ...options, align: false });
  assert.is(train.samples.length, 1099);
  assert.match(reasons(train)[0], /^images\/1050.jpg: 1050_exp.npy: byte 0: expected a file of NumPy's save/);
  for (const [i, { image, expression, valence }] of train.samples.map((sample) => sample).entries()) {
    const id = i < 1050 ? i : i + 1;
    assert.equal([image, expression, valence], [`images/${id}.jpg`, id % 7, 0.5]);
  }
});

test('folders: names in any case and of any kind, other folders dropped, links, pictures below', async () => {
  for (const [name, n] of Object.entries({ ' Happiness': 2, ANGRY: 1, Sad: 1, 'neutral ': 1, contempt: 3, junk: 1 }))
    for (let i = 0; i < n; i++) put(`c/Train/${name}/${i} a.JPG`);
  put('c/Train/Sad/person 1/1.png');
  put('c/Train/Sad/notes.txt');
  put('c/valid/surprised/1.jpg');
  put('c/test/fearful/1.jpg');
  put('elsewhere/1.jpg');
  symlinkSync(join(dir, 'c/Train/Sad'), join(dir, 'c/Train/Sad/person 1/circle'));
  symlinkSync('ANGRY', join(dir, 'c/Train/angry again'));
  symlinkSync(join(dir, 'c/Train/ANGRY'), join(dir, 'c/Train/Disgusted'));
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'c/Train/Fear'));
  const { train, val, sources } = await readAnnotations(join(dir, 'c'), options);
  assert.equal(
    sourcesIn({ sources }).filter((path) => !/^c\/(Train|valid|test)\/[^/]*$/.test(path)),
    ['c (parts)', 'c/Train', 'c/Train/Sad/person 1', 'c/test', 'c/valence_arousal.csv', 'c/valid'],
    'each folder once, by whatever links',
  );
  assert.equal(
    train.samples.map(({ image, expression, pose }) => [image, CLASSES[expression], pose]),
    [
      [' Happiness/0 a.JPG', 'Happy', null],
      [' Happiness/1 a.JPG', 'Happy', null],
      ['ANGRY/0 a.JPG', 'Anger', null],
      ['Disgusted/0 a.JPG', 'Disgust', null],
      ['Sad/0 a.JPG', 'Sad', null],
      ['Sad/person 1/1.png', 'Sad', null],
      ['neutral /0 a.JPG', 'Neutral', null],
    ],
  );
  assert.equal([...train.dropped].sort(), [
    ['folder angry again', 1],
    ['folder contempt', 3],
    ['folder junk', 1],
  ]);
  assert.match(reasons(train).join(), /^Fear\/1.jpg: leads out of .*--image_dir \/ allows any$/);
  assert.equal([val?.samples.length, val?.root], [1, join(dir, 'c/valid')]);
  const root = await readAnnotations(join(dir, 'c'), { ...options, imageDir: '/' });
  assert.equal(root.train.bad, []);
  const eight = await readAnnotations(join(dir, 'c'), { ...options, classes: EIGHT_CLASSES });
  assert.is(eight.train.samples.length, 10);
});

test("folders: AffectNet's numbers, and those that are not", async () => {
  for (const n of [0, 3, 6, 7, 'junk']) put(`n/${n}/1.jpg`);
  const { train } = await readAnnotations(join(dir, 'n'), options);
  assert.equal(
    train.samples.map(({ expression }) => expression),
    [0, 3, 6],
  );
  assert.equal(
    [...train.dropped],
    [
      ['expression 7', 1],
      ['folder junk', 1],
    ],
  );
  for (let n = 1; n < 8; n++) put(`raf/train/${n}/1.jpg`);
  await refusal(
    () => readAnnotations(join(dir, 'raf'), options),
    /found 1 to 7, as RAF-DB counts .*rename the folders/,
  );
  for (const n of [0, 1, 42]) put(`affectnet/${n}/1.jpg`);
  await refusal(() => readAnnotations(join(dir, 'affectnet'), options), /AffectNet's 0 to 7, found 0, 1, 42/);
});

test("folders: classes of one's own", async () => {
  for (const name of ['calm', 'Bored Stiff', 'excited']) put(`own/train/${name}/1.jpg`);
  assert.equal(folderClasses(join(dir, 'own')), ['Bored Stiff', 'calm', 'excited']);
  const classes = folderClasses(join(dir, 'own'));
  const { train } = await readAnnotations(join(dir, 'own'), { ...options, classes });
  assert.equal(
    train.samples.map(({ expression }) => classes[expression]),
    classes,
  );
  await refusal(
    () => readAnnotations(join(dir, 'own'), options),
    /expected folders called Neutral, .*found Bored Stiff, calm, excited; classes of your own: --classes/,
  );
  for (const n of [0, 1, 2, 3]) put(`places/${n}/1.jpg`);
  const places = await readAnnotations(join(dir, 'places'), { ...options, classes });
  assert.equal([...places.train.dropped], [['expression 3', 1]]);
  assert.equal(
    places.train.samples.map(({ expression }) => expression),
    [0, 1, 2],
  );
  for (const n of [0, 2, 10]) put(`tens/${n}/1.jpg`);
  assert.equal(folderClasses(join(dir, 'tens')), ['0', '2', '10']);
  await refusal(() => folderClasses(join(dir, 'b/train_set/annotations')), /a folder of pictures for each class/);
});

test('folders: valence and arousal in a CSV of either folder', async () => {
  for (const path of ['train/happy/1', 'train/happy/2', 'train/sad/3', 'train/sad/4', 'val/sad/1', 'test/sad/9'])
    put(`va/${path}.jpg`);
  put(
    'va/valence_arousal.csv',
    'file,valence,arousal,note\n./train/happy/1.jpg,0.5,0.25,a\ntrain\\happy\\2.jpg,-2,,\n' +
      'train/sad/3.jpg,2,0,\nval/sad/1.jpg,-0.5,-1,\ntest/sad/9.jpg,0,0,\ntrain/sad/5.jpg,0,0,\n',
  );
  const { train, val } = await readAnnotations(join(dir, 'va'), options);
  assert.equal(
    train.samples.map(({ image, valence, arousal }) => [image, valence, arousal]),
    [
      ['happy/1.jpg', 0.5, 0.25],
      ['happy/2.jpg', Number.NaN, Number.NaN],
      ['sad/4.jpg', Number.NaN, Number.NaN],
    ],
  );
  assert.equal(val?.samples.valenceAt(0), -0.5);
  const alone = await readAnnotations(join(dir, 'va/val'), options);
  assert.equal([alone.train.samples.valenceAt(0), alone.train.bad.length], [-0.5, 1]);
  assert.equal(reasons(train), [
    'sad/3.jpg: valence_arousal.csv line 4: valence: expected -1 .. 1, found 2',
    'train/sad/5.jpg: no such picture',
  ]);
  put('va/val/valence_arousal.csv', 'file,arousal\nsad/1.jpg,1\n');
  await refusal(() => readAnnotations(join(dir, 'va'), options), /valence_arousal.csv: line 1: missing column valence/);
});

test('what a folder is, and that of others is told', async () => {
  for (const [path, name, own] of [
    ['a', 'npy', true],
    ['b/val_set', 'npy', true],
    ['c', 'folders', true],
    ['n', 'folders', true],
  ] as const) {
    assert.is((await layoutOf(join(dir, path))).name, name, path);
    assert.is(hasOwnPictures(join(dir, path)), own, path);
  }
  // Labels without pictures, pictures without labels or classes, and a class without any.
  put('half/annotations/1_exp.npy', intNpy(1));
  put('other half/images/1.jpg');
  put('loose/train/1.jpg');
  put('empty/happy/readme.txt');
  put('deep/happy/a/b/1.jpg');
  for (const none of ['half', 'loose', 'empty', 'deep'])
    await refusal(() => layoutOf(join(dir, none)), /expected train_set and val_set /);
  assert.is((await layoutOf(join(dir, 'other half'))).name, 'folders');
  // A link to a file is no folder to look into.
  put('linked/happy/a/1.jpg');
  symlinkSync(join(dir, 'empty/happy/readme.txt'), join(dir, 'linked/happy/0'));
  symlinkSync(join(dir, 'is not there'), join(dir, 'linked/happy/z'));
  assert.is((await layoutOf(join(dir, 'linked'))).name, 'folders');
  assert.is((await readAnnotations(join(dir, 'linked'), options)).train.samples.length, 1);
  put('notes/readme.txt');
  await refusal(() => layoutOf(join(dir, 'notes')), /expected train_set and val_set .*; found readme.txt/);
  mkdirSync(join(dir, 'wild/EXPR_Set'), { recursive: true });
  await refusal(() => readAnnotations(join(dir, 'wild'), options), /Aff-Wild2's .*give --dataset affwild2/);
  assert.not(hasOwnPictures(join(dir, 'wild')));
});

test('paths start from the image directory where the set lies in it, else from the set', () => {
  for (const [set, imageDir, root, below] of [
    ['/a/b', null, '/a/b', ''],
    ['/a/b', '/a/b', '/a/b', ''],
    ['/a/b', '/a', '/a', 'b/'],
    ['/a/b/c', '/a', '/a', 'b/c/'],
    ['/a/..b', '/a', '/a', '..b/'],
    ['/a/b', '/a/b/c', '/a/b', ''],
    ['/a/b', '/a/b/c/d', '/a/b', ''],
    ['/a/b', '/a/bc', '/a/b', ''],
  ] as const)
    assert.equal(rootOf(set, imageDir), { root, below }, `${set} from ${imageDir}`);
});

const POINTS = level().join(';');

test("a CSV with columns of one's own, classes by name, faces that are cropped already", async () => {
  const file = put(
    'own.csv',
    'path,label,v,face_x,face_y,face_width,face_height,facial_landmarks\n' +
      `a.jpg,happiness,0.5,0,0,9,9,${POINTS}\nb.jpg,Contempt,0,0,0,9,9,${POINTS}\nc.jpg,4,0,0,0,9,9,${POINTS}\n` +
      `d.jpg,grumpy,0,0,0,9,9,${POINTS}\ne.jpg,ANGER,-2,,,,,\n`,
  );
  const columns = 'image=path,expression=label';
  const { train } = await readAnnotations(file, { ...options, columns });
  assert.equal(
    train.samples.map(({ image, expression }) => [image, CLASSES[expression]]),
    [
      ['a.jpg', 'Happy'],
      ['c.jpg', 'Fear'],
    ],
  );
  assert.equal([...train.dropped], [['expression Contempt', 1]]);
  assert.equal(
    train.bad.map(({ reason }) => reason.slice(0, 60)),
    [
      'expression: expected a number or one of Neutral, Happy, Sad, Sur'.slice(0, 60),
      'expected a face box and landmarks, found none; --align off takes'.slice(0, 60),
    ],
  );
  const german = put('german.csv', 'path,label\na.jpg,Ärger\nb.jpg,1\nc.jpg,\nd.jpg,nan\n');
  const read = await readAnnotations(german, { ...options, columns, align: false, classes: ['Freude', 'Ärger'] });
  assert.equal(
    read.train.samples.map(({ expression }) => expression),
    [1, 1],
  );
  assert.equal(
    read.train.bad.map(({ reason }) => reason),
    ['expression: expected a number, found ""', 'expression: expected a number, found "nan"'],
  );
  const bare = put('bare.csv', 'path,label,v,a\na.jpg,happiness,0.5,1\nb.jpg,6,,\n');
  const named = `${columns},valence=v,arousal=a`;
  await refusal(
    () => readAnnotations(bare, { ...options, columns: named }),
    /missing columns face_x, .*facial_landmarks; .*--align off takes pictures as they are/,
  );
  const off = await readAnnotations(bare, { ...options, columns: named, align: false });
  assert.equal(
    off.train.samples.map(({ expression, valence, arousal, pose }) => [expression, valence, arousal, pose]),
    [
      [1, 0.5, 1, null],
      [6, Number.NaN, Number.NaN, null],
    ],
  );
  await refusal(
    () => readAnnotations(bare, { ...options, columns: 'image=file', align: false }),
    /missing columns file \(--columns image=file\), expression/,
  );
  for (const wrong of ['path', 'image=', 'picture=path', 'image=a,image=b', '=a', ''])
    await refusal(() => readAnnotations(bare, { ...options, columns: wrong }), /--columns expects pairs as image=path/);
});

test('rows of a CSV at their edges', async () => {
  const read = async (rows: readonly string[], header = '', more = {}) => {
    const names = `subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal`;
    const file = put('edges.csv', `${names}${header}\n${rows.join('\n')}\n`);
    return (await readAnnotations(file, { ...options, ...more })).train;
  };
  const row = (box: string, labels = '1,0.5,0.5', image = 'a.jpg') => `${image},${box},${POINTS},${labels}`;
  const boxes = await read([
    row('0,0,1,1'),
    row('-5,1000000,10,10.5'),
    row('0,0,10,11'),
    row('0,0,1,0.5'),
    row('0,0,0.5,1'),
    row('0,1000001,9,9'),
  ]);
  assert.equal([boxes.samples.length, boxes.stretched, boxes.rows], [3, 1, 6]);
  assert.equal(
    boxes.bad.map(({ where, reason }) => `${where}: ${reason}`),
    [
      'edges.csv line 5: face box: expected a size of 1 or more, found 1 x 0.5',
      'edges.csv line 6: face box: expected a size of 1 or more, found 0.5 x 1',
      'edges.csv line 7: face_y: expected a number, found "1000001"',
    ],
  );
  assert.equal(
    [...boxes.samples].map(({ where }) => where),
    ['edges.csv line 2', 'edges.csv line 3', 'edges.csv line 4'],
  );
  const labels = await read([
    row('0,0,9,9', '0,1,-1'),
    row('0,0,9,9', '6,,nan'),
    row('0,0,9,9', '7,0,0'),
    row('0,0,9,9', '-1,0,0'),
    row('0,0,9,9', '1,0,0', ''),
  ]);
  assert.equal(
    labels.samples.map(({ expression, valence, arousal }) => [expression, valence, arousal]),
    [
      [0, 1, -1],
      [6, Number.NaN, Number.NaN],
    ],
  );
  assert.equal([...labels.dropped].sort(), [
    ['expression -1', 1],
    ['expression 7', 1],
  ]);
  assert.equal(
    labels.bad.map(({ reason }) => reason),
    ['subDirectory_filePath: expected a path, found nothing'],
  );
  const grouped = await read([`${row('0,0,9,9')},Ann `, `${row('0,0,9,9')}, `, `${row('0,0,9,9')},Bo`], ',who', {
    group: 'who',
  });
  assert.equal(
    [grouped.samples.map(({ group }) => group), grouped.bad.map(({ reason }) => reason)],
    [['Ann', 'Bo'], ['who: expected what to split by, found nothing']],
  );
  await refusal(
    () => read([row('0,0,9,9')], '', { group: 'who' }),
    /edges.csv: line 1: missing column who \(--split_by\), found subDirectory_filePath,/,
  );
  const bad = row('0,0,0,0');
  await refusal(
    () => read([bad, bad, row('0,0,9,9', '9,0,0')]),
    /edges.csv: expected rows with an expression of 0 to 6, found none among 3 \(1 of other classes, 2 broken\); the first broken one: edges.csv line 2: a.jpg: face box/,
  );
  await refusal(
    () => read([row('0,0,9,9', '9,0,0')]),
    /edges.csv: expected rows with an expression of 0 to 6, found none among 1 \(1 of other classes, 0 broken\)$/,
  );
});

test("AffectNet's folder, and its automatically annotated part by itself", async () => {
  const header = AFFECTNET_COLUMNS.join(',');
  const row = (image: string, expression: number) => `${image},0,0,9,9,${POINTS},${expression},0.5,0.5`;
  put('an/training.csv', `${header}\n${row('a.jpg', 1)}\n${row('b.jpg', 2)}\n`);
  put('an/validation.csv', `${header}\n${row('c.jpg', 3)}\n`);
  const both = await readAnnotations(join(dir, 'an'), options);
  assert.equal([both.train.samples.length, both.val?.samples.length, both.train.root], [2, 1, join(dir, 'an')]);
  assert.is((await readAnnotations(join(dir, 'an'), { ...options, imageDir: dir })).train.root, dir);
  const rows = [row('a.jpg', 1), row('b.jpg', 8), 'c.jpg,NULL,NULL,NULL,NULL,NULL,9,-2,-2', row('d.jpg', 11)];
  const file = put('automatically_annotated.csv', `${header}\n${rows.join('\n')}\n`);
  const { train, val } = await readAnnotations(file, options);
  assert.equal([train.samples.length, train.bad.length, val], [1, 0, null]);
  assert.match(describeAnnotations(train), /dropped 1 with expression 11, 1 with expression 8, 1 with expression 9/);
});

test.run();
