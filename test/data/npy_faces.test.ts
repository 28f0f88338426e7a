// Faces of the npy release: levelled by landmarks that are read with their picture, to the bytes of a face whose eyes and box are known.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES, decodeImage, prepareFace, readAnnotations } from '../../src/data';
import { CropPool } from '../../src/data/crops/crop_pool';
import { CropSet } from '../../src/data/crops/crop_set';
import { differences } from './goldens';
import { intNpy, listNpy } from './npy_file';

const test = suite('npy faces');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-npy-'));
test.after(() => rmSync(dir, { recursive: true }));
const SIZE = 24;

/** 68 points whose eyes lie as told. */
const points = (left: readonly number[], right: readonly number[]): number[] =>
  Array.from({ length: 68 }, (_, i) => (i < 42 ? left : right)).flat();
const EYES = [
  [
    [20.5, 30.5],
    [44, 38],
  ],
  [
    [18, 40],
    [40, 22],
  ],
] as const;
const pictures: Buffer[] = [];

test.before(async () => {
  for (const name of ['images', 'annotations']) mkdirSync(join(dir, name));
  for (const [i, [left, right]] of EYES.entries()) {
    const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, k) => (k * (i + 7)) % 251);
    pictures.push(
      await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
        .png()
        .toBuffer(),
    );
    writeFileSync(join(dir, `images/${i}.png`), pictures[i]);
    writeFileSync(join(dir, `annotations/${i}_exp.npy`), intNpy(i));
    writeFileSync(join(dir, `annotations/${i}_lnd.npy`), listNpy(points(left, right), i === 0 ? '(136,)' : '(68, 2)'));
  }
});

/** The faces in order, null where one cannot be used, and how many were made anew. */
async function faces(align: boolean, cache: string): Promise<{ read: (Uint8Array | null)[]; made: number }> {
  const { train } = await readAnnotations(dir, { dataset: 'affectnet', classes: CLASSES, imageDir: null, align });
  const pool = new CropPool({ size: SIZE, cache, workers: 1, faces: train.samples.length });
  const set = new CropSet(pool, { samples: train.samples, root: train.root as string, maxBad: 1 });
  const [n, length] = [train.samples.length, SIZE * SIZE * 3];
  const pixels = new Uint8Array(n * length);
  const good = await set.read([...Array(n).keys()], pixels);
  await pool.close();
  return {
    read: Array.from({ length: n }, (_, i) => (good[i] ? pixels.slice(i * length, (i + 1) * length) : null)),
    made: set.made,
  };
}

test('the whole picture is the box; --align off only resizes; the cache tells them apart', async () => {
  const cache = join(dir, 'cache');
  const { read, made } = await faces(true, cache);
  assert.is(made, 2);
  for (const [i, [left, right]] of EYES.entries()) {
    const [leftEye, rightEye] = [left, right].map(([x, y]) => [Math.trunc(x), Math.trunc(y)] as const);
    const image = await decodeImage(pictures[i]);
    const wanted = prepareFace(image, { leftEye, rightEye, box: [0, 0, 64, 64] }, SIZE).data;
    assert.is(differences(read[i] as Uint8Array, wanted), 0);
  }
  const whole = await faces(false, cache);
  assert.is(whole.made, 2, 'none of the levelled ones is taken');
  for (const [i, face] of whole.read.entries())
    assert.is(differences(face as Uint8Array, prepareFace(await decodeImage(pictures[i]), null, SIZE).data), 0);
  assert.is((await faces(true, cache)).made, 0);
  // Other landmarks are another face.
  writeFileSync(join(dir, 'annotations/0_lnd.npy'), listNpy(points([10, 10], [30, 30])));
  const changed = await faces(true, cache);
  assert.is(changed.made, 1);
  assert.ok(differences(changed.read[0] as Uint8Array, read[0] as Uint8Array) > 0);
});

test('landmarks that cannot be used, and a link that leads out, leave their face out', async () => {
  writeFileSync(join(dir, 'annotations/0_lnd.npy'), 'no array');
  assert.equal(
    (await faces(true, 'off')).read.map((face) => face === null),
    [true, false],
  );
  rmSync(join(dir, 'annotations/0_lnd.npy'));
  const outside = `${dir}.npy`;
  writeFileSync(outside, listNpy(points([10, 10], [30, 30])));
  symlinkSync(outside, join(dir, 'annotations/0_lnd.npy'));
  assert.equal(
    (await faces(true, 'off')).read.map((face) => face === null),
    [true, false],
  );
  rmSync(outside);
});

test.run();
