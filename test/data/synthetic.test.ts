// The drawn set: that it is what AffectNet's reader, the alignment and a learner need.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix } from '../../src/base/pixels/align';
import { cropBox } from '../../src/base/pixels/crop';
import { buildAdjacency } from '../../src/data/adjacency';
import type { FacePose } from '../../src/data/face';
import { prepareFace } from '../../src/data/face';
import { decodeImage } from '../../src/data/image';
import { CLASSES } from '../../src/data/labels';
import { readAffectNet } from '../../src/data/layouts/csv';
import { classCounts } from '../../src/data/samples';
import { writeSyntheticSet } from '../../src/data/synthetic/synthetic';
import { differences, refusal } from './goldens';

const root = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const draw = (name: string, n: number, more = {}) =>
  writeSyntheticSet({ out: join(root, name), n, validation: 35, size: 96, ...more });
const SIDE = 24;

/** Classes and small crops of one annotation file. */
async function crops(file: string) {
  const { samples } = await readAffectNet(file);
  const pixels = samples.map(async (s) => {
    const image = await decodeImage(readFileSync(join(file, '..', s.image)));
    return prepareFace(image, s.pose as FacePose, SIDE).data;
  });
  return { samples, pixels: await Promise.all(pixels) };
}

test('an AffectNet tree without a bad row, classes balanced, labels that make a graph', async () => {
  const { training, validation } = await draw('a', 140);
  const set = await readAffectNet(training);
  assert.equal([set.samples.length, set.bad.length, set.dropped.size, set.stretched], [140, 0, 0, 0]);
  assert.equal(classCounts(set.samples), [20, 20, 20, 20, 20, 20, 20]);
  assert.is((await readAffectNet(validation)).samples.length, 35);
  assert.ok(buildAdjacency(set.samples).A.every(Number.isFinite));
  for (const c of CLASSES.keys()) {
    const values = set.samples.filter((s) => s.expression === c).map((s) => s.valence);
    assert.is(new Set(values).size, 20, 'valence varies within a class');
  }
});

test('the box frames the levelled face: it holds both eyes, level, in its upper half', async () => {
  const { samples } = await readAffectNet(join(root, 'a', 'training.csv'));
  for (const { pose, image } of samples) {
    const { leftEye, rightEye, box } = pose as FacePose;
    const m = alignMatrix(leftEye, rightEye);
    const [x0, y0, x1, y1] = cropBox(m, box);
    const side = x1 - x0;
    const [left, right] = [leftEye, rightEye].map(([x, y]) => [
      (m[0] * x + m[1] * y + m[2] - x0) / side,
      (m[3] * x + m[4] * y + m[5] - y0) / side,
    ]);
    assert.is(y1 - y0, side);
    assert.ok(Math.abs(left[1] - right[1]) < 1e-9, image);
    assert.ok(left[0] > 0.1 && left[0] < 0.5 && right[0] > 0.5 && right[0] < 0.9, `${image}: ${left} ${right}`);
    assert.ok(left[1] > 0.2 && left[1] < 0.5, `${image}: ${left}`);
  }
});

test('the same seed draws the same pictures, another one others, and a longer set begins like a shorter one', async () => {
  await draw('b', 21);
  await draw('c', 21, { seed: 1 });
  const file = (set: string, i: number) => readFileSync(join(root, set, `images/training/0000${i}.jpg`));
  const rows = (set: string) => readFileSync(join(root, set, 'training.csv'), 'utf8').split('\n');
  for (const i of [0, 3, 9]) {
    assert.is(differences(file('a', i), file('b', i)), 0);
    assert.ok(differences(file('a', i), file('c', i)) > 0);
  }
  assert.equal(rows('b').slice(0, 21), rows('a').slice(0, 21));
  assert.not.equal(rows('c'), rows('b'));
});

test('classes look different: nearest class means of tiny crops beat three times chance on unseen faces', async () => {
  const train = await crops(join(root, 'a', 'training.csv'));
  const val = await crops(join(root, 'a', 'validation.csv'));
  // Each crop less its own mean, over its own deviation: light and skin say nothing of the class.
  const standard = (p: Uint8Array) => {
    const mean = p.reduce((a, b) => a + b, 0) / p.length;
    const deviation = Math.sqrt(p.reduce((a, b) => a + (b - mean) ** 2, 0) / p.length);
    return Float64Array.from(p, (v) => (v - mean) / deviation);
  };
  const means = CLASSES.map((_, c) => {
    const members = train.pixels.filter((_, i) => train.samples.expressionAt(i) === c).map(standard);
    return members[0].map((_, k) => members.reduce((sum, m) => sum + m[k], 0) / members.length);
  });
  const nearest = (x: Float64Array) => {
    const distances = means.map((m) => m.reduce((sum, v, k) => sum + (v - x[k]) ** 2, 0));
    return distances.indexOf(Math.min(...distances));
  };
  const right = val.pixels.filter((p, i) => nearest(standard(p)) === val.samples.expressionAt(i)).length;
  assert.ok(right / 35 > 3 / 7, `${right} of 35`);
});

test('a directory with something else in it is left alone', async () => {
  mkdirSync(join(root, 'mine'));
  writeFileSync(join(root, 'mine', 'training.csv'), 'precious');
  await refusal(() => draw('mine', 7), /mine: expected a new or empty directory, or a synthetic set/);
  assert.is(readFileSync(join(root, 'mine', 'training.csv'), 'utf8'), 'precious');
  await refusal(() => draw('n', 0), /n: expected an integer of 1 or more, found 0/);
  await draw('b', 7);
  assert.is((await readAffectNet(join(root, 'b', 'training.csv'))).samples.length, 7);
});

test.after(() => rmSync(root, { recursive: true }));

test.run();
