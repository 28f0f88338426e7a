// prepare faces: one's own photographs to AffectNet's CSV, which train reads, as processes of their own.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { listPictures, readAffectNet } from '../../src/data';
import { eyesOf } from '../../src/data/eyes';
import { openFaceFinder } from '../../src/data/found_face';
import { affectNetBox } from '../../src/faces/geometry';
import { golden } from '../faces/goldens';
import { device } from '../gpu';
import { programFile, run } from './program';

const test = suite('prepare faces');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-faces-'));
const [a, b] = ['photo_000', 'photo_009'].map((name) => golden(name).picture('pixels'));

const save = async (name: string, { width, height, data }: RgbImage): Promise<void> => {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(dir, name));
};
/** Two pictures on a grey ground, the first one larger. */
async function both(): Promise<RgbImage> {
  const [large, small] = await Promise.all(
    [a, b].map(({ width, height, data }, i) =>
      sharp(data, { raw: { width, height, channels: 3 } })
        .resize(320 - 100 * i, 320 - 100 * i)
        .png()
        .toBuffer(),
    ),
  );
  const ground = sharp({ create: { width: 900, height: 500, channels: 3, background: '#808080' } });
  const data = await ground
    .composite([
      { input: large, left: 60, top: 60 },
      { input: small, left: 560, top: 120 },
    ])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { width: 900, height: 500, data };
}
const grey: RgbImage = { width: 200, height: 150, data: new Uint8Array(90_000).fill(128) };

test.before(async () => {
  await save('photos/train/Happiness/a, "1".png', a);
  await save('photos/train/contempt/b.png', b);
  await save('photos/train/contempt/two.png', await both());
  await save('photos/train/contempt/none.png', grey);
  writeFileSync(join(dir, 'photos/train/contempt/broken.jpg'), 'no picture');
  const pairs = [
    '"train/Happiness/a, ""1"".png"',
    'train/contempt/b.png',
    'train/contempt/two.png',
    'train/contempt/none.png',
    'train/contempt/broken.jpg',
    'val/happy/a.png',
    'val/contempt/b.png',
  ];
  const lines = pairs.map((image, i) => `${image},${0.1 * i},${0.5 - (i % 3) / 4}\n`);
  writeFileSync(join(dir, 'photos/valence_arousal.csv'), `file,valence,arousal\n${lines.join('')}`);
  await save('photos/val/happy/a.png', a);
  await save('photos/val/contempt/b.png', b);
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const ran = async (...args: string[]) => {
  const ended = await run(args, { cwd: dir });
  assert.is(ended.code, 0, `${args.join(' ')}\n${ended.err}`);
  return ended;
};

/** The command that it says to go on with, as a shell runs it, up to its first step. */
function tryNext(out: string): string {
  const command = out.match(/^emotion-gcn (train .*)$/m)?.[1];
  assert.ok(command, out);
  const further = '--network denselite --image_size 112 --batch_size 2 --cache off --workers 1 --dry_run';
  const { status, stdout } = spawnSync(
    'sh',
    ['-c', `"$0" "$1" ${command} ${further} 2>&1`, process.execPath, programFile()],
    {
      cwd: dir,
      encoding: 'utf8',
    },
  );
  assert.is(status, 0, stdout);
  return stdout;
}

test('class folders: rows with box and landmarks, the largest face of several, what to check; train takes it', async () => {
  const { out, err } = await ran('prepare', 'faces', '--image_dir', 'photos', '--out', 'set.csv');
  assert.match(out, /^train +3 +1 +2\nval +2 +0 +0$/m);
  assert.is(
    readFileSync(join(dir, 'set_to_check.csv'), 'utf8'),
    'image,what\ntrain/contempt/broken.jpg,"not an image, or a format that cannot be read"\n' +
      'train/contempt/none.png,no face found\ntrain/contempt/two.png,"2 faces found, the largest is taken"\n',
  );
  assert.match(err, /to check: train\/contempt\/none.png: no face found/);
  const { EIGHT_CLASSES } = await import('../../src/data/labels');
  const { samples, bad } = await readAffectNet(join(dir, 'set.csv'), EIGHT_CLASSES);
  assert.equal(bad, []);
  assert.equal(
    samples.map(({ image, expression, valence, arousal }) => [image, expression, valence, arousal]),
    [
      ['train/Happiness/a, "1".png', 1, 0, 0.5],
      ['train/contempt/b.png', 7, 0.1, 0.25],
      ['train/contempt/two.png', 7, 0.2, 0],
    ],
  );
  // The faces that the library finds, to the hundredth of a pixel that is written; of two the larger, on the left.
  const finder = openFaceFinder(device);
  for (const [i, picture] of [a, b, await both()].entries()) {
    const [{ landmarks }] = await finder.find(picture);
    const points = Array.from(landmarks, (v) => Number(v.toFixed(2)));
    const [leftEye, rightEye] = eyesOf(points);
    assert.equal(samples.at(i).pose, { leftEye, rightEye, box: affectNetBox(points) });
  }
  assert.match(
    out,
    /emotion-gcn train --image_dir photos --data set.csv --val_data set_val.csv --align open --num_classes 8 --saved_model/,
  );
  const said = tryNext(out);
  assert.match(said, /set.csv: 3 rows, 3 of the classes/);
  assert.match(said, /set_val.csv: 2 rows, 2 of the classes/);
});

test("classes of one's own by name; train takes them as the message says", async () => {
  for (const name of ["it's calm", 'tired']) {
    for (const i of [1, 2, 3, 4, 5, 6]) {
      mkdirSync(join(dir, 'own', name), { recursive: true });
      cpSync(join(dir, 'photos/train/contempt/b.png'), join(dir, 'own', name, `${i}.png`));
    }
  }
  const { out } = await ran('prepare', 'faces', '--image_dir', 'own', '--out', 'own.csv');
  assert.match(readFileSync(join(dir, 'own.csv'), 'utf8'), /^it's calm\/1.png,.*,it's calm,-2,-2$/m);
  assert.match(tryNext(out), /own.csv: 12 rows, 12 of the classes/);
});

test('a folder without classes: rows without expression, which predict takes as a list', async () => {
  await save('loose/a.png', a);
  const { out } = await ran('prepare', 'faces', '--image_dir', 'loose', '--out', 'loose/faces.csv');
  assert.match(out, /no class folders: its expressions are empty/);
  assert.match(readFileSync(join(dir, 'loose/faces.csv'), 'utf8'), /^a.png,[^,]*,[^,]*,\d+,\d+,[\d.;-]+,,-2,-2$/m);
  const listed = [];
  for await (const picture of listPictures(join(dir, 'loose/faces.csv'), { imageDir: null })) listed.push(picture);
  assert.is(listed.length, 1);
  assert.ok(listed[0].face && 'leftEye' in listed[0].face);
});

test('stopped, without a face, with other annotations: no file and a clear end', async () => {
  for (let i = 0; i < 24; i++) {
    mkdirSync(join(dir, 'many'), { recursive: true });
    cpSync(join(dir, 'photos/train/contempt/two.png'), join(dir, 'many', `${i}.png`));
  }
  const args = ['prepare', 'faces', '--image_dir', 'many', '--out', 'stopped.csv'];
  const stopped = await run(args, { cwd: dir, interruptAt: /finding faces {2}\d+\/24/ });
  assert.is(stopped.code, 130, stopped.err);
  assert.match(stopped.err, /stopped; written: nothing/);
  await save('empty/none.png', grey);
  const none = await run(['prepare', 'faces', '--image_dir', 'empty', '--out', 'stopped.csv'], { cwd: dir });
  assert.is(none.code, 2);
  assert.match(none.err, /no face was found in any of the photographs/);
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith('stopped')),
    [],
  );
  mkdirSync(join(dir, 'affectnet'));
  cpSync(join(dir, 'set.csv'), join(dir, 'affectnet/training.csv'));
  for (const [place, message] of [
    ['affectnet', /affectnet: expected photographs, in a folder a class/],
    ['nowhere', /--image_dir expects a folder, found nothing/],
    ['own/tired/1.png', /--image_dir expects a folder, found a file/],
  ] as const) {
    const refused = await run(['prepare', 'faces', '--image_dir', place, '--out', 'stopped.csv'], { cwd: dir });
    assert.is(refused.code, 2, refused.err);
    assert.match(refused.err, message);
  }
  assert.not(existsSync(join(dir, 'stopped.csv')));
});

test.run();
