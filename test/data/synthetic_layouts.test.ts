// The same drawn faces in every layout, as its reader takes them.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { layoutOf, readAnnotations } from '../../src/data/annotations';
import { decodeImage } from '../../src/data/image';
import { CLASSES } from '../../src/data/labels';
import { poseFromLandmarks } from '../../src/data/landmarks';
import { classCounts } from '../../src/data/samples';
import { type SyntheticOptions, writeSyntheticSet } from '../../src/data/synthetic/synthetic';
import { writeSyntheticFolders } from '../../src/data/synthetic/synthetic_folders';
import { writeSyntheticNpy } from '../../src/data/synthetic/synthetic_npy';

const root = mkdtempSync(join(tmpdir(), 'emotion-gcn-synthetic-'));
test.after(() => rmSync(root, { recursive: true }));

const OPTIONS = { n: 14, validation: 7, seed: 5, size: 64 };
const read = (data: string) => readAnnotations(data, { dataset: 'affectnet', classes: CLASSES, imageDir: null });
/** Class, valence, arousal of all samples, in one order whatever the layout's. */
const labels = (samples: Awaited<ReturnType<typeof read>>['train']['samples']) =>
  samples.map(({ expression, valence, arousal }) => [expression, valence, arousal].join()).sort();

test('npy, folders, csv: found by content, the same labels, pictures of the wanted size', async () => {
  const write: Record<string, (options: SyntheticOptions) => Promise<unknown>> = {
    csv: writeSyntheticSet,
    npy: writeSyntheticNpy,
    folders: writeSyntheticFolders,
  };
  const found: unknown[] = [];
  for (const [name, writer] of Object.entries(write)) {
    const out = join(root, name);
    await writer({ ...OPTIONS, out });
    assert.is((await layoutOf(out)).name, name);
    const { train, val } = await read(out);
    assert.equal([train.bad, val!.bad, train.dropped.size], [[], [], 0], name);
    assert.equal(classCounts(train.samples), [2, 2, 2, 2, 2, 2, 2], name);
    assert.equal(classCounts(val!.samples), [1, 1, 1, 1, 1, 1, 1], name);
    found.push([labels(train.samples), labels(val!.samples)]);
    const { width, height } = await decodeImage(readFileSync(join(train.root!, train.samples.at(3).image)));
    assert.equal([width, height], [64, 64], name);
  }
  assert.equal(found[1], found[0]);
  assert.equal(found[2], found[0]);
});

test('npy: the face fills its picture, both eyes in its upper half', () => {
  for (let i = 0; i < OPTIONS.n; i++) {
    const npy = readFileSync(join(root, `npy/train_set/annotations/${i}_lnd.npy`));
    const { leftEye, rightEye } = poseFromLandmarks(npy, 64, 64);
    for (const [x, y] of [leftEye, rightEye]) assert.ok(x > 3 && x < 61 && y > 6 && y < 40, `${i}: ${x}, ${y}`);
    // An eye is 0.36 from the middle of a face that is 1.85 wide, less a turn of the head and a tilt of up to 20 degrees.
    assert.ok(rightEye[0] - leftEye[0] > 64 * 0.3, `${i}: ${leftEye} ${rightEye}`);
  }
});

test('another layout in the same folder takes its place; what else lies there stays', async () => {
  const out = join(root, 'npy');
  writeFileSync(join(out, 'notes.txt'), 'mine');
  await writeSyntheticFolders({ ...OPTIONS, out });
  assert.is((await layoutOf(out)).name, 'folders');
  assert.not(existsSync(join(out, 'train_set')));
  assert.is(readFileSync(join(out, 'notes.txt'), 'utf8'), 'mine');
});

test.run();
