// Photographs drawn with what was seen in them, and the folder of them.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { randomStream, randomUniform } from '../../src/base/random';
import { CLASSES } from '../../src/data/labels';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import type { LookedAt } from '../../src/train/measures/predict';
import { drawFaces } from '../../src/train/reports/photographs/draw_faces';
import { Drawings } from '../../src/train/reports/photographs/drawings';
import { given } from '../given';

const test = suite('draw faces');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-draw-'));
/** A file system of 1 MiB; null where none may be mounted. */
function mounted(): string | null {
  const at = join(dir, 'small');
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
    return at;
  } catch {
    return null;
  }
}
const small = mounted();

test.after(() => {
  if (small) execFileSync('umount', [small]);
  rmSync(dir, { recursive: true, force: true });
});

type Box = readonly [number, number, number, number];

const plain = (width: number, height: number, grey = 255): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(grey),
});

const seen = (face: number, box: Box, more: Partial<FacePrediction> = {}): FacePrediction => ({
  image: 'a.jpg',
  face,
  expression: 'Happy',
  probabilities: Object.fromEntries(CLASSES.map((name) => [name, name === 'Happy' ? 0.7 : 0.05])),
  valence: 0.5,
  arousal: -0.5,
  box,
  landmarks: null,
  score: 0.9,
  ...more,
});
const crop: FacePrediction = (({ face, box, landmarks, score, ...row }) => row)(seen(0, [0, 0, 1, 1]));
const nobody = { image: 'a.jpg', face: null, expression: null, probabilities: null, valence: null, arousal: null };

/** A drawing's size, and which part of an area in it fulfils a condition. */
async function look(jpeg: Buffer) {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const part = (is: (r: number, g: number, b: number) => boolean, [x0, y0, w, h]: readonly number[]): number => {
    let n = 0;
    for (let y = Math.round(y0); y < Math.round(y0 + h); y++)
      for (let x = Math.round(x0); x < Math.round(x0 + w); x++) {
        const at = 3 * (y * info.width + x);
        if (is(data[at], data[at + 1], data[at + 2])) n++;
      }
    return n / (Math.round(w) * Math.round(h));
  };
  return { ...info, part };
}
const dark = (r: number, g: number, b: number) => r + g + b < 200;
const yellow = (r: number, g: number, b: number) => r > 200 && g > 150 && b < 150;
const white = (r: number, g: number, b: number) => r + g + b > 720;

test('a face: a line around its box in the color of its expression, landmarks, a panel beside it', async () => {
  const landmarks = Array.from({ length: 68 }, (_, i) => [420 + (i % 8) * 20, 220 + Math.floor(i / 8) * 20] as const);
  const { width, height, part } = await look(
    await drawFaces(plain(1000, 800), [seen(0, [400, 200, 200, 200], { landmarks })]),
  );
  assert.equal([width, height], [1000, 800]);
  for (const side of [
    [410, 200, 180, 6],
    [410, 394, 180, 6],
    [400, 210, 6, 180],
    [594, 210, 6, 180],
  ])
    assert.ok(part(yellow, side) > 0.2, `a side: ${part(yellow, side)}`);
  for (const [x, y] of landmarks) assert.ok(part(white, [x - 1, y - 1, 3, 3]) < 1, `a landmark at ${x}, ${y}`);
  assert.ok(part(white, [410, 392, 180, 1]) === 1 && part(white, [425, 225, 10, 10]) === 1, 'nothing between');
  const panel = part(dark, [0, 0, width, height]) * width * height;
  assert.ok(panel > 30_000, `a panel: ${panel} dark pixels`);
});

test('bars and the plane: as long and where the numbers say; without valence and arousal no plane', async () => {
  // The picture is the face: the panel stands below.
  const many = async (row: FacePrediction) =>
    (await look(await drawFaces(plain(720, 720), [row]))).part(yellow, [0, 720, 720, 150]);
  const shares = (p: number) => ({ ...crop, probabilities: { ...crop.probabilities, Happy: p } });
  const [all, half, none] = [await many(shares(1)), await many(shares(0.5)), await many(shares(0))];
  assert.ok(Math.abs(all - half - (half - none)) < 0.1 * (all - none), `${all}, ${half}, ${none}`);
  const bare = await many({ ...crop, valence: null, arousal: null });
  assert.ok((await many(crop)) - bare > 60 / (720 * 150), 'the dot');
  // Left and right of the plane's middle, right of the bars.
  const isLeft = async (valence: number): Promise<boolean> => {
    const { part } = await look(await drawFaces(plain(720, 720), [{ ...crop, valence }]));
    return part(yellow, [220, 760, 46, 92]) > part(yellow, [268, 760, 46, 92]);
  };
  assert.ok(await isLeft(-0.8), 'on the left');
  assert.not(await isLeft(0.8), 'on the right');
});

test('no panel covers a face, however many there are and wherever they lie', async () => {
  for (let trial = 0; trial < 6; trial++) {
    const random = (i: number) => randomUniform(randomStream('boxes', trial), i);
    const boxes: Box[] = [];
    for (let i = 0; i < 200 && boxes.length < 1 + trial; i++) {
      const side = 100 + 160 * random(3 * i);
      const box: Box = [1200 * random(3 * i + 1) - side / 2, 800 * random(3 * i + 2) - side / 2, side, side];
      if (
        boxes.every(([x, y, w]) => Math.hypot(x + w / 2 - box[0] - side / 2, y + w / 2 - box[1] - side / 2) > w + side)
      )
        boxes.push(box);
    }
    const { width, height, part } = await look(
      await drawFaces(
        plain(1200, 800),
        boxes.map((box, i) => seen(i, box)),
      ),
    );
    assert.ok(Math.max(width, height) <= 2000, `${width} x ${height}`);
    for (const [i, [x, y, w, h]] of boxes.entries()) {
      const inner = [Math.max(0, x) + 8, Math.max(0, y) + 8, Math.min(1200, x + w) - 8, Math.min(800, y + h) - 8];
      const area = [inner[0], inner[1], inner[2] - inner[0], inner[3] - inner[1]];
      if (area[2] < 10 || area[3] < 10) continue;
      assert.ok(part(dark, area) < 0.1, `trial ${trial}, face ${i}: ${part(dark, area)} of it is dark`);
    }
  }
});

test('pictures of all sizes, with faces or without: 720 to 2000 pixels, and no face is said', async () => {
  for (const [w, h] of [
    [1, 1],
    [48, 48],
    [3000, 20],
    [20, 3000],
    [3000, 2000],
  ]) {
    for (const rows of [[nobody], [crop], [seen(0, [0, 0, w, h])], [seen(0, [-w, -h, 0.5, 0.5])]]) {
      const { width, height, format, part } = await look(await drawFaces(plain(w, h, 90), rows));
      assert.ok(Math.max(width, height) <= 2000, `${w} x ${h}: ${width} x ${height}`);
      assert.ok(Math.max(width, height) >= 720, `${w} x ${h}: ${width} x ${height}`);
      assert.is(format, 'raw');
      if (rows[0] === nobody) assert.ok(part(dark, [0, 0, 130, 20]) > 0.05, 'a label');
    }
  }
});

test('of a picture that was made smaller as it was decoded the same is drawn', async () => {
  const rows = [seen(0, [500, 700, 1500, 1500]), seen(1, [2000, 3000, 1000, 1000])];
  const whole = await drawFaces(plain(3600, 4800), rows);
  const smaller = await drawFaces({ ...plain(900, 1200), of: { width: 3600, height: 4800 } }, rows);
  assert.ok(whole.equals(smaller));
});

test('forty faces: every box has its label; narrow ones are drawn larger', async () => {
  const boxes = Array.from({ length: 40 }, (_, i): Box => [20 + 78 * (i % 8), 30 + 90 * Math.floor(i / 8), 40, 40]);
  const { width, height, part } = await look(
    await drawFaces(
      plain(640, 480),
      boxes.map((box, i) => seen(i, box)),
    ),
  );
  assert.ok(width > 1500 && width <= 2000 && Math.abs(width / height - 640 / 480) < 0.01, `${width} x ${height}`);
  const scale = width / 640;
  for (const [x, y, w] of boxes) {
    const label = [x, y - 12, w, 12].map((v) => v * scale);
    assert.ok(part(yellow, label) > 0.3 && part(dark, label) > 0.03, `a label at ${x}, ${y}`);
  }
});

test('classes of any name and number', async () => {
  const names = Array.from({ length: 50 }, (_, i) => (i === 7 ? `<&">${'long '.repeat(18)}` : `mood ${i}`));
  const probabilities = Object.fromEntries(names.map((name, i) => [name, i === 7 ? 0.51 : 0.01]));
  const row = seen(0, [100, 100, 300, 300], { expression: names[7], probabilities });
  const { width, height } = await look(
    await drawFaces(plain(800, 800), [row, { ...row, face: 1, box: [450, 450, 300, 300] }]),
  );
  assert.ok(Math.max(width, height) <= 2000);
});

const picture = (file: string, time: number | null = null, grey = 200): LookedAt => ({
  file,
  time,
  read: async () => plain(60, 50, grey),
});
const names = (of: string) => readdirSync(of).sort();

test('a folder of drawings: called as the pictures, each once; an older drawing is replaced, nothing else is', async () => {
  const out = join(dir, 'new/out');
  const inputs = ['a/x.jpg', 'b/x.jpg', 'b/c/x.jpg', 'a/x.png', 'a/x.JPG', 'a/x.png.jpg'].map((name) =>
    join(dir, name),
  );
  const drawAll = async (files: readonly string[], grey: number) => {
    const drawings = new Drawings(out, []);
    for (const file of files) await drawings.add(picture(file, null, grey), [nobody]);
    return drawings.length;
  };
  assert.is(await drawAll(inputs, 200), 6);
  const parent = dir.split('/').at(-1);
  const all = names(out);
  assert.is(all.length, 6);
  assert.ok(
    all.includes('x.jpg') && all.includes('b_x.jpg') && all.includes('c_x.jpg') && all.includes('x.png.jpg'),
    `${all} ${parent}`,
  );
  const before = all.map((name) => readFileSync(join(out, name)));
  // Some of them again, as when a run goes on, in another order.
  await drawAll(inputs.slice(2).reverse(), 20);
  assert.equal(names(out), all);
  const changed = all.filter((name, i) => !readFileSync(join(out, name)).equals(before[i]));
  assert.is(changed.length, 4);
  assert.not(changed.includes('x.jpg') || changed.includes('b_x.jpg'));
});

test('what is not a drawing of this picture is never written over: pictures, links, folders', async () => {
  const out = join(dir, 'full');
  mkdirSync(join(out, 'y.jpg'), { recursive: true });
  writeFileSync(join(out, 'x.jpg'), 'a picture');
  symlinkSync(join(out, 'x.jpg'), join(out, 'z.jpg'));
  const drawings = new Drawings(out, [join(out, 'x.jpg')]);
  for (const name of ['x.jpg', 'y.jpg', 'z.jpg']) await drawings.add(picture(join(out, name)), [nobody]);
  assert.equal(names(out), ['full_x.jpg', 'full_y.jpg', 'full_z.jpg', 'x.jpg', 'y.jpg', 'z.jpg']);
  assert.is(readFileSync(join(out, 'z.jpg'), 'utf8'), 'a picture');
});

test('frames have their time in the name, given boxes of one picture their corner; names are safe', async () => {
  const out = join(dir, 'frames');
  const drawings = new Drawings(out, []);
  await drawings.add(picture('clip.mp4', 9.5), [nobody]);
  await drawings.add(picture('clip.mp4', 100), [nobody]);
  for (const box of [
    [3, 4, 20, 20],
    [30, 4, 20, 20],
  ] as const)
    await drawings.add(picture('g.jpg'), [seen(0, box, { score: null })]);
  for (const file of ['.jpg', '../..jpg', 'con', 'a:b?\n.jpg', `${'é'.repeat(126)}.jpg`, `${'é'.repeat(126)}.png`])
    await drawings.add(picture(file), [nobody]);
  const all = names(out);
  assert.is(all.length, 10);
  for (const name of ['clip.mp4_000009.500s.jpg', 'clip.mp4_000100.000s.jpg', 'g_3_4.jpg', 'g_30_4.jpg', 'a_b__.jpg'])
    assert.ok(all.includes(name), `${name} in ${all}`);
  for (const name of all) assert.ok(/^[^.\s-][^/:?\n]*\.jpg$/.test(name) && Buffer.byteLength(name) < 255, name);
});

const refused = (made: () => unknown, message: RegExp) =>
  assert.throws(made, (error: Error) => error instanceof InputError && message.test(error.message));

test('folders that may not be used are refused: a file, a run, one that is looked through', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  refused(() => new Drawings(file, []), /--draw .*file: expected a folder or nothing there, found a file/);
  const run = join(dir, 'run');
  mkdirSync(join(run, 'weights'), { recursive: true });
  writeFileSync(join(run, 'args.json'), '{}');
  refused(() => new Drawings(run, []), /--draw .*run: it is the folder of a run/);
  refused(() => new Drawings(join(run, 'weights'), []), /--draw .*weights is a file of the run/);
  refused(() => new Drawings(join(run, 'results.csv'), []), /--draw .*results.csv is a file of the run/);
  new Drawings(join(run, 'drawn'), []);
  symlinkSync(dir, join(run, 'link'));
  for (const source of [dir, join(run, 'link')])
    refused(() => new Drawings(join(dir, 'p/q'), [source]), /--draw .*: it lies in .*, which is looked through/);
  new Drawings(`${dir}-other`, [dir]);
  assert.not(existsSync(join(dir, 'p')));
  const below = new Drawings(join(file, 'x'), []);
  await below.add(picture('a.jpg'), [nobody]).then(
    () => assert.unreachable(),
    (error) => assert.ok(error instanceof InputError && /cannot be made: .*; check --draw/.test(error.message), error),
  );
});

given(
  test,
  small !== null,
  'right to mount',
)('a full disk is an error of the machine, and leaves no half drawing', async () => {
  writeFileSync(join(small as string, 'filler'), Buffer.alloc(2 ** 20 - 4096));
  const drawings = new Drawings(join(small as string, 'out'), []);
  await drawings.add(picture('a.jpg'), [crop]).then(
    () => assert.unreachable(),
    (error) => assert.ok(error instanceof MachineError && /cannot be written/.test(error.message), error),
  );
  assert.equal(names(join(small as string, 'out')), []);
});

test.run();
