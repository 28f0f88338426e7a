// The eyes of faces whose landmarks lie in files of their own.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poseFromLandmarks } from '../../src/data/landmarks';
import { refusal } from './goldens';

const file = (name: string) => readFileSync(`test/golden/npy/${name}.npy`);

test('136 numbers or 68 x 2, of any kind, in any order of axes, give one pose: the whole picture is the box', () => {
  // Points are 10.25 + 3 i, 11.75 + 3 i: the eyes' means are those of points 38.5 and 44.5.
  const pose = { leftEye: [125, 127], rightEye: [143, 145], box: [0, 0, 224, 200] };
  for (const name of ['lnd_f8', 'lnd_68x2', 'lnd_fortran'])
    assert.equal(poseFromLandmarks(file(name), 224, 200), pose, name);
  // As integers 10, 11, 13, 14, ...: x lies 0.25 further left, y 0.75 higher.
  assert.equal(poseFromLandmarks(file('lnd_i2'), 224, 200), { ...pose, leftEye: [125, 126], rightEye: [143, 144] });
});

test('other arrays are no landmarks', async () => {
  for (const [name, why] of [
    ['fortran_i4', /expected 136 numbers or 68 x 2, found an array i4 \[2,3\]/],
    ['texts', /expected 136 numbers or 68 x 2/],
    ['refused_object', /an array of objects/],
  ] as const)
    await refusal(() => poseFromLandmarks(file(name), 9, 9), why, 'ImageError');
  const one = Uint8Array.from(file('lnd_f8'));
  const start = one.length - 136 * 8;
  new DataView(one.buffer).setFloat64(start + 8, Number.NaN, true);
  await refusal(() => poseFromLandmarks(one, 9, 9), /expected 68 points.*found 135 of 136/, 'ImageError');
  await refusal(() => poseFromLandmarks(one.fill(0, start), 9, 9), /both eyes .* are at 0, 0/, 'ImageError');
  await refusal(() => poseFromLandmarks(one.subarray(0, 200), 9, 9), /expected 1088 bytes/, 'ImageError');
});

test.run();
