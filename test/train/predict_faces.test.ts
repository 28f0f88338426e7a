// predict on whole photographs: faces found, levelled and cut; a file of them that was cut off in the middle of a picture.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad, step, tensor } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { CLASSES, decodeImage, prepareKnown } from '../../src/data';
import { openRunModel } from '../../src/train/measures/evaluate';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import { readFaces } from '../../src/train/measures/picture_faces';
import { groupsOf } from '../../src/train/measures/picture_groups';
import { type LookedAt, type PredictSettings, predict } from '../../src/train/measures/predict';
import { PREDICTION_FORMATS, PredictionFile, type PredictionFormat } from '../../src/train/measures/prediction_file';
import { expressionNetwork } from '../../src/train/run/expression_network';
import { run as program } from '../cli/program';
import { golden, planes } from '../faces/goldens';
import { device } from '../gpu';
import { integers } from '../hashinit';

const test = suite('predict faces');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-photographs-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

/** A photograph of two faces, the larger far to the right of what the original levels of so wide a picture; one of nothing; one of one face. */
const [PAIR, EMPTY, ONE] = ['a.png', 'b.png', 'c.png'].map(at);

test.before(async () => {
  const face = async (name: string, side: number) => {
    const { data, ...raw } = golden(name).picture('pixels');
    return sharp(data, { raw: { ...raw, channels: 3 } })
      .resize(side, side, { fit: 'fill' })
      .png()
      .toBuffer();
  };
  const create = { width: 640, height: 300, channels: 3, background: '#405060' } as const;
  const small = { input: await face('photo_000', 110), left: 40, top: 60 };
  const large = { input: await face('photo_009', 170), left: 440, top: 90 };
  await sharp({ create }).composite([small, large]).png().toFile(PAIR);
  await sharp({ create }).png().toFile(EMPTY);
  writeFileSync(ONE, await face('photo_000', 200));
});

async function look(sources: readonly string[], settings: PredictSettings = {}): Promise<FacePrediction[]> {
  const all: FacePrediction[] = [];
  for await (const prediction of predict(expressionNetwork(), sources, settings)) all.push(prediction);
  return all;
}

let whole: FacePrediction[] = [];

test('every face from left to right, where it is; a picture without one is a row that says so', async () => {
  const seen: string[] = [];
  const onPicture = async ({ file, time, read }: LookedAt, predictions: readonly FacePrediction[]): Promise<void> => {
    const { width, height } = await read();
    seen.push(`${file} ${time} ${width} x ${height}: ${predictions.length}`);
  };
  whole = await look([PAIR, EMPTY, ONE], { onPicture });
  assert.equal(
    whole.map(({ image, face }) => [image, face]),
    [
      [PAIR, 0],
      [PAIR, 1],
      [EMPTY, null],
      [ONE, 0],
    ],
  );
  assert.equal(seen, [`${PAIR} null 640 x 300: 2`, `${EMPTY} null 640 x 300: 1`, `${ONE} null 200 x 200: 1`]);
  const nothing = { expression: null, probabilities: null, valence: null, arousal: null };
  assert.equal(whole[2], { image: EMPTY, face: null, ...nothing, box: null, landmarks: null, score: null });
  // Where the photographs were pasted: left, top, side.
  const pasted = [[40, 60, 110], [440, 90, 170], [], [0, 0, 200]];
  for (const [i, { box, landmarks, score, expression, probabilities, valence, arousal }] of whole.entries()) {
    if (i === 2) continue;
    const [left, top, side] = pasted[i];
    const [x, y, width, height] = box as readonly number[];
    assert.ok(
      Math.abs(x + width / 2 - left - side / 2) < 0.3 * side && Math.abs(y + height / 2 - top - side / 2) < 0.3 * side,
    );
    assert.is(landmarks?.length, 68);
    for (const [px, py] of landmarks ?? [])
      assert.ok(px > left - 0.2 * side && px < left + 1.2 * side && py > top - 0.2 * side && py < top + 1.2 * side);
    assert.ok((score ?? 0) > 0.5);
    assert.ok(
      (CLASSES as readonly string[]).includes(expression as string) &&
        Object.keys(probabilities ?? {}).join() === CLASSES.join(),
    );
    assert.equal([valence, arousal], [null, null]);
  }
});

test('the same face gives the same answer wherever it is, also far to the right of a wide picture', async () => {
  const { data, info } = await sharp(PAIR)
    .extract({ left: 400, top: 0, width: 240, height: 300 })
    .toBuffer({ resolveWithObject: true });
  writeFileSync(at('right.png'), data);
  const [cut] = await look([at('right.png')]);
  assert.is(info.width, 240);
  for (const [name, p] of Object.entries(cut.probabilities ?? {}))
    assert.ok(Math.abs(p - (whole[1].probabilities?.[name] ?? 9)) < 0.1, `${name}: ${p}`);
  assert.is(cut.expression, whole[1].expression);
});

test('the largest face alone; none: the picture is the face', async () => {
  const largest = await look([PAIR, EMPTY], { faces: 'largest' });
  assert.equal(
    largest.map(({ face, box }) => [face, box]),
    [
      [0, whole[1].box],
      [null, null],
    ],
  );
  const none = await look([PAIR, EMPTY], { faces: 'none' });
  for (const row of none)
    assert.equal(Object.keys(row), ['image', 'expression', 'probabilities', 'valence', 'arousal']);
  assert.is(none.length, 2);
});

test('given boxes win; where a list has none, faces are found', async () => {
  const list = at('list.csv');
  writeFileSync(list, `image,face_x,face_y,face_width,face_height\na.png,40,60,110,110\na.png,,,,\nb.png,0,0,50,50\n`);
  const rows = await look([list]);
  assert.equal(
    rows.map(({ image, face, box, landmarks, score }) => [image, face, box, landmarks?.length ?? null, score !== null]),
    [
      [PAIR, 0, [40, 60, 110, 110], null, false],
      [PAIR, 0, whole[0].box, 68, true],
      [PAIR, 1, whole[1].box, 68, true],
      [EMPTY, 0, [0, 0, 50, 50], null, false],
    ],
  );
});

test('of a run with --align off a face is cut by an upright box, else turned level', async () => {
  const image = await decodeImage(readFileSync(PAIR));
  // Eyes that are turned by 45 degrees, 60 pixels apart each way.
  const landmarks = Float64Array.from({ length: 136 }, (_, i) => (i % 2 ? 150 : 480) + (i >= 84 && i < 96 ? 60 : 0));
  const face = { box: [400, 100, 200, 200], score: 0.9, landmarks } as const;
  const cut = async (align: boolean): Promise<Uint8Array> => {
    const groups = groupsOf([PAIR], { imageDir: null }, assert.unreachable);
    const how = { image_size: 32, align, faces: 'all', find: async () => [face] } as const;
    for await (const { seen } of readFaces(groups, how, assert.unreachable)) return seen[0].faces[0].pixels;
    throw new Error('no picture');
  };
  const side = Math.round(Math.hypot(60, 60) / 0.357);
  const box = [Math.round(510 - 0.4965 * side), Math.round(180 - 0.389 * side), side, side] as const;
  const upright = prepareKnown(image, { box }, 32).data;
  assert.equal(await cut(false), upright);
  assert.not.equal(await cut(true), upright);
});

const shape = { classes: CLASSES, faces: true, time: false };

async function write(file: string, format: PredictionFormat, settings: PredictSettings = {}): Promise<void> {
  const out = new PredictionFile(file, format, shape);
  let finished = false;
  try {
    for await (const prediction of predict(expressionNetwork(), [PAIR, EMPTY, ONE], {
      ...settings,
      done: { rows: out.rows(), file },
    }))
      await out.add(prediction);
    finished = true;
  } finally {
    await out.close(finished);
  }
}

test('cut off between the faces of a picture, or behind one without, it goes on to the same bytes', async () => {
  for (const format of PREDICTION_FORMATS) {
    const file = at(`out.${format}`);
    const out = new PredictionFile(file, format, shape);
    for (const prediction of whole) await out.add(prediction);
    await out.close(true);
    const bytes = readFileSync(file);
    if (format === 'json') assert.equal(JSON.parse(bytes.toString()), whole);
    const cut = bytes.indexOf(format === 'jsonl' ? ONE : PAIR, bytes.indexOf(PAIR) + 1) + 20;
    writeFileSync(file, bytes.subarray(0, cut));
    await write(file, format);
    assert.is(readFileSync(file, 'utf8'), bytes.toString(), format);
  }
});

test('with another --faces it is refused, and nothing is changed', async () => {
  const file = at('out.jsonl');
  const bytes = readFileSync(file);
  const refused = async (settings: PredictSettings, message: RegExp): Promise<void> => {
    const before = readFileSync(file);
    const error = await write(file, 'jsonl', settings).catch((e: unknown) => e);
    assert.instance(error, InputError, String((error as Error)?.stack));
    assert.match((error as Error).message, message);
    assert.equal(readFileSync(file), before);
  };
  await refused({ faces: 'largest' }, /begun with another --faces: it has 2 faces of \S+a.png/);
  const lines = bytes.toString().split('\n');
  writeFileSync(file, `${[lines[0], ...lines.slice(2)].join('\n')}`);
  await refused({}, /another --faces .* of \S+a.png it has faces 1, now there is 2/);
  writeFileSync(file, bytes.toString().replaceAll(/"face":0,/g, ''));
  await refused({}, /line 1: expected a prediction as this network, --faces/);
});

test('the program without a run: one line says who answers, a table says what; other flags are refused', async () => {
  const { code, out, err } = await program(['predict', PAIR, EMPTY]);
  assert.is(code, 0, err);
  assert.match(
    err,
    /^no --saved_model or --checkpoint: face-api's expression network answers .*53 to 61 %.* train --help$/m,
  );
  const [header, ...rows] = out.trim().split('\n');
  assert.match(header, /^image +face +expression +Neutral .* valence +arousal +score$/);
  assert.match(rows[0], /a\.png +0 +[A-Z][a-z]+ .*% +- +- +0\.\d{3}$/);
  assert.match(rows[2], /b\.png +no face$/);
  const refused = await program(['predict', PAIR, '--emb', 'random']);
  assert.is(refused.code, 2);
  assert.match(refused.err, /--emb random: is of a --checkpoint, which is missing/);
});

test("the expression network's classes are in our order: the golden's scores", async () => {
  const file = golden('expression');
  const hwc = integers('landmarks/input', 112 * 112 * 3, 0, 256);
  const mean = [122.782, 117.001, 104.298];
  const x = Float32Array.from(planes(hwc, 3), (v, i) => (v - mean[Math.floor(i / 112 ** 2)]) / 255);
  const { model } = await openRunModel(device, expressionNetwork());
  const found = await step(device, () =>
    noGrad(() =>
      model
        .train(false)
        .forward(tensor(device, x, [1, 3, 112, 112]))
        .logits.data(),
    ),
  );
  // Theirs: neutral happy sad angry fearful disgusted surprised.
  const wanted = file.numbers('out');
  for (const [ours, theirs] of [0, 1, 2, 6, 4, 5, 3].entries())
    assert.ok(Math.abs(found[ours] - wanted[theirs]) < 1e-4 * Math.max(...wanted.map(Math.abs)), CLASSES[ours]);
});

test.run();
