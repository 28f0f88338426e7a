// AffectNet's CSV, samples, class weights, the split, random numbers.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomBits, randomPermutation, randomStream, randomUniform } from '../../src/base/random';
import type { FacePose } from '../../src/data/face';
import { CLASSES } from '../../src/data/labels';
import { encodeAnnotationPickle, parseAnnotationPickle } from '../../src/data/layouts/annotation_pickle';
import { AFFECTNET_COLUMNS, readAffectNet } from '../../src/data/layouts/csv';
import { classWeights, describeAnnotations, withValenceArousal } from '../../src/data/samples';
import { splitSamples } from '../../src/data/split';
import { givenShared, SHARED } from '../given';
import { refusal } from './goldens';
import { labelled } from './labelled';

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const csv = (lines: string[], header: string = AFFECTNET_COLUMNS.join(',')) => {
  const file = join(dir, 'training.csv');
  writeFileSync(file, [header, ...lines].join('\n'));
  return file;
};

const POINTS = Array.from({ length: 68 }, (_, i) => [i < 42 ? 50.9 : 90.5, 60 + (i % 6) / 10]);
const landmarks = (points = POINTS) => points.map(([x, y]) => `${x};${y}`).join(';');
const row = (fields: Partial<Record<(typeof AFFECTNET_COLUMNS)[number], string | number>> = {}) => {
  const good = [`a/b.jpg`, 10, 20, 100, 100, landmarks(), 3, 0.5, -0.25];
  return AFFECTNET_COLUMNS.map((c, i) => fields[c] ?? good[i]).join(',');
};

test('rows of the seven classes are read, others dropped and counted, broken ones named', async () => {
  const file = csv([
    row({ face_x: 10.7, face_y: -3.9 }),
    row({ expression: 7, facial_landmarks: '' }),
    row({ expression: 10, face_width: 'NULL' }),
    row({ expression: 10 }),
    row({ expression: -1 }),
    row({ face_width: 'NULL' }),
    row({ face_width: 0 }),
    row({ facial_landmarks: landmarks(POINTS.slice(1)) }),
    row({ facial_landmarks: landmarks(POINTS.map(([, y]) => [Number.NaN, y])) }),
    row({ facial_landmarks: landmarks(POINTS.map(() => [5, 5])) }),
    row({ valence: -1.01 }),
    row({ arousal: 'none' }),
    row({ expression: 2.5 }),
    row({ subDirectory_filePath: '' }),
    row({ face_x: 1e300 }),
    'only,three,fields',
    '',
    row({ face_width: 120, expression: 0 }),
  ]);
  const set = await readAffectNet(file);
  assert.equal(
    [...set.samples],
    [
      {
        image: 'a/b.jpg',
        where: 'training.csv line 2',
        expression: 3,
        valence: 0.5,
        arousal: -0.25,
        pose: { leftEye: [50, 60], rightEye: [90, 60], box: [10.7, -3.9, 100, 100] },
        group: null,
      },
      {
        ...set.samples.at(0),
        where: 'training.csv line 19',
        expression: 0,
        pose: { ...set.samples.at(0).pose, box: [10, 20, 120, 100] },
      },
    ],
  );
  assert.is(set.stretched, 1);
  assert.equal(
    [...set.dropped],
    [
      ['expression 7', 1],
      ['expression 10', 2],
      ['expression -1', 1],
    ],
  );
  const reasons = [
    /face_width: expected a number, found "NULL"/,
    /face box: expected a size of 1 or more, found 0 x 100/,
    /expected 68 points.* found 134 of 134/,
    /expected 68 points.* found 68 of 136/,
    /both eyes/,
    /valence: expected -1 .. 1, found -1.01/,
    /arousal: expected a number, found "none"/,
    /expression: expected an integer, found 2.5/,
    /expected a path/,
    /face_x: expected a number/,
    /expected 9 fields as in the header, found 3/,
  ];
  assert.is(set.bad.length, reasons.length);
  set.bad.forEach(({ where, reason }, i) => {
    assert.is(where, `training.csv line ${i + 7}`);
    assert.match(reason, reasons[i]);
  });
  assert.is(set.rows, 17);
});

test('columns may come in any order, with others, a byte order mark and quotes', async () => {
  const header = `\ufeff${[...AFFECTNET_COLUMNS].reverse().join(',')},extra`;
  const file = csv(
    [
      `${row({ subDirectory_filePath: '"a/b, c.jpg"' })
        .split(/,(?! )/)
        .reverse()
        .join(',')},9`,
    ],
    header,
  );
  const { samples } = await readAffectNet(file);
  assert.is(samples.at(0).image, 'a/b, c.jpg');
});

test("lines end in LF, CRLF, CR or a mixture, in quotes too, as Python's csv module reads them", async () => {
  const file = join(dir, 'ends.csv');
  const read = async (text: string) => {
    writeFileSync(file, text);
    const { rows, bad, samples } = await readAffectNet(file);
    assert.is(bad.length, 0, JSON.stringify(bad[0]));
    assert.is(samples.length, rows);
    return rows;
  };
  const header = AFFECTNET_COLUMNS.join(',');
  // More than the MiB that a stream reads at once, so that an end falls between two reads.
  const many = Array.from({ length: 3000 }, (_, i) => row({ subDirectory_filePath: `${'x'.repeat(i % 7)}.jpg` }));
  for (const [first, second] of [
    ['\r\n', '\n'],
    ['\n', '\r\n'],
    ['\r', '\r'],
    ['\r\n', '\r'],
  ]) {
    const halves = [[header, ...many.slice(0, 1500)].join(first), many.slice(1500).join(second)];
    assert.is(await read(halves.join(first)), 3000, JSON.stringify([first, second]));
    assert.is(await read(`${header}${first}${many.join(second)}${second}`), 3000, JSON.stringify([first, second]));
  }
  const quoted = row({ subDirectory_filePath: '"a\r\nb\nc.jpg"' });
  assert.is(await read(`\ufeff${header}\r\n${quoted}\n\n${quoted}`), 2);
  assert.is((await readAffectNet(file)).samples.at(1).image, 'a\r\nb\nc.jpg');
});

test('a column that is read and stands twice is refused by name, another may', async () => {
  const header = AFFECTNET_COLUMNS.join(',');
  await refusal(
    () => readAffectNet(csv([`${row()},0`], `${header},expression`)),
    /line 1: expected one column expression, found 2 \(columns 7, 10\)/,
  );
  assert.is((await readAffectNet(csv([`${row()},,`], `${header},,`))).samples.length, 1);
});

test('a file that is no AffectNet CSV is refused with what was expected and found', async () => {
  const without = AFFECTNET_COLUMNS.filter((c) => c !== 'valence').join(',');
  await refusal(
    () => readAffectNet(csv([row()], without)),
    /training.csv: line 1: missing column valence; expected .*found/,
  );
  await refusal(() => readAffectNet(csv([], '')), /expected a header line and rows, found an empty file/);
  await refusal(() => readAffectNet(csv([])), /expected rows with an expression of 0 to 6, found none among 0/);
  await refusal(
    () => readAffectNet(csv([row({ valence: 'x' })])),
    /found none among 1 .*1 broken\); the first broken one: .*line 2: a\/b.jpg: valence/,
  );
  await refusal(() => readAffectNet(csv([], '\x80\x04\x95binary')), /missing columns subDirectory_filePath/);
  await refusal(() => readAffectNet(csv([row(), `"${'x'.repeat(2 ** 21)}`])), /training.csv: line \d+: no CSV/);
  await refusal(() => readAffectNet(join(dir, 'nothing.csv')), /nothing.csv: no such file/);
  await refusal(() => readAffectNet(dir), /expected a file, found a folder/);
});

test('valence and arousal may be missing for what learns expressions alone; what needs them says so', async () => {
  const none = [
    row({ valence: -2, arousal: -2 }),
    row({ valence: '', arousal: '' }),
    row({ valence: 'nan', arousal: '-2.0' }),
  ];
  const set = await readAffectNet(csv(none));
  assert.is(set.bad.length, 0);
  assert.equal(
    set.samples.map(({ valence, arousal }) => [valence, arousal]),
    new Array(3).fill([Number.NaN, Number.NaN]),
  );
  assert.match(describeAnnotations(set), /3 without valence and arousal/);
  assert.throws(
    () => withValenceArousal(set, 'multi_task'),
    /training.csv: none of 3 faces has valence and arousal .*which multi_task needs: --model single_task trains without/,
  );
  const some = withValenceArousal(await readAffectNet(csv([...none, row(), row({ valence: -2 })])), 'emotion_gcn');
  assert.equal([some.samples.length, some.rows], [1, 5]);
  assert.equal(
    some.bad.map(({ where }) => where),
    [2, 3, 4, 6].map((line) => `training.csv line ${line}`),
  );
  assert.match(some.bad[0].reason, /no valence and arousal.*emotion_gcn.*--model single_task/);
  const whole = await readAffectNet(csv([row()]));
  assert.is(withValenceArousal(whole, 'emotion_gcn'), whole);
  // Without both columns, and back out of the pickle that is made of it.
  const short = row().split(',').slice(0, 7).join(',');
  const bare = await readAffectNet(csv([short], AFFECTNET_COLUMNS.slice(0, 7).join(',')));
  assert.ok(Number.isNaN(bare.samples.at(0).valence));
  const pickle = encodeAnnotationPickle({ train: bare.samples, val: set.samples }, 'affectnet');
  const { train, val } = parseAnnotationPickle(pickle, 'data.pkl', { dataset: 'affectnet', classes: CLASSES });
  assert.equal([train.samples.length, val.samples.length, train.bad.length], [1, 3, 0]);
  assert.ok([...train.samples, ...val.samples].every((s) => Number.isNaN(s.valence) && Number.isNaN(s.arousal)));
});

givenShared(test, 'reference')("the original's annotations of eight photographs", async () => {
  const root = `${SHARED}/reference`;
  const { train } = JSON.parse(readFileSync(`${root}/pickles/affectnet_faces8.json`, 'utf8'));
  const { samples, dropped } = await readAffectNet(`${root}/data/faces8/training.csv`);
  const same = samples.map(({ pose, ...s }) => ({
    image_path: s.image,
    face_x: (pose as FacePose).box[0],
    face_y: (pose as FacePose).box[1],
    face_width: (pose as FacePose).box[2],
    face_height: (pose as FacePose).box[3],
    expression: s.expression,
    valence: s.valence,
    arousal: s.arousal,
    left_eye: (pose as FacePose).leftEye,
    right_eye: (pose as FacePose).rightEye,
  }));
  assert.equal(same, train);
  assert.equal([...dropped.keys()], ['expression 7', 'expression 10']);
});

test('class weights', () => {
  const { affectnet_weights, faces_counts, faces_weights } = JSON.parse(
    readFileSync('test/golden/data/class_weights.json', 'utf8'),
  );
  const classes = faces_counts.flatMap((n: number, expression: number) => new Array(n).fill(expression));
  const samples = labelled(classes);
  const rounded = (weights: number[]) => [...Float32Array.from(weights)];
  assert.equal([...classWeights(labelled([]), 'affectnet')], rounded(affectnet_weights));
  assert.equal([...classWeights(samples, 'balanced')], rounded(faces_weights));
  assert.equal([...classWeights(samples, 'none')], [1, 1, 1, 1, 1, 1, 1]);
});

test('the split takes a share of every class, is the same for the same seed, and loses nobody', () => {
  const classes = Array.from({ length: 400 }, (_, i) => (i % 40 === 0 ? 5 : i % 3));
  const split = (seed: number, samples = labelled(classes)) => {
    const { train, val } = splitSamples(samples, 0.1, seed);
    return { train: [...train], val: [...val] };
  };
  const a = split(7);
  const ofClass = (c: number) => a.val.filter((s) => s.expression === c).length;
  assert.equal([0, 1, 2, 5].map(ofClass), [13, 13, 13, 1]);
  assert.equal(
    [...a.train, ...a.val].map((s) => Number.parseInt(s.image, 10)).sort((x, y) => x - y),
    [...classes.keys()],
  );
  assert.equal(split(7), a);
  assert.not.equal(split(8), a);
  assert.throws(() => split(0, labelled(classes.slice(0, 3))), /leaves 3 for training and 0 for validation/);
});

test('random numbers: the documented formula, uniform, every order possible', () => {
  // From the table of the reference filler: name, seed, number, bits.
  assert.is(randomBits(randomStream('input', 0), 0), 188906796);
  assert.is(randomBits(randomStream('input', 0), 2 ** 20 - 1), 2234723265);
  assert.is(randomBits(randomStream('features.conv0.weight', 777), 3), 2970823);
  assert.is(randomBits(randomStream('é', 1), 0), 646655609);
  const stream = randomStream('uniform', 3);
  const draws = Array.from({ length: 1e5 }, (_, i) => randomUniform(stream, i));
  assert.ok(draws.every((v) => v >= 0 && v < 1));
  // Four standard errors of the mean of a uniform variable: 4 / sqrt(12 n).
  assert.ok(Math.abs(draws.reduce((a, b) => a + b) / 1e5 - 0.5) < 0.0037);
  const seen = new Map<string, number>();
  for (let s = 0; s < 6000; s++) {
    const order = randomPermutation(randomStream('order', s), 3).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assert.is(seen.size, 6);
  // Five standard deviations of a binomial count, n = 6000, p = 1/6: 5 * 28.9.
  for (const count of seen.values()) assert.ok(Math.abs(count - 1000) < 145, `${[...seen]}`);
});

test.run();
