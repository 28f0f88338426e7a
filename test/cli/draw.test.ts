// predict --draw as a process of its own, by the network that comes with the package.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { golden } from '../faces/goldens';
import { run } from './program';

const test = suite('predict --draw');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-draw-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const { width, height, data } = golden('photo_000').picture('pixels');
const photo = sharp(data, { raw: { width, height, channels: 3 } }).png();

test.before(async () => {
  mkdirSync(join(dir, 'photos/more'), { recursive: true });
  for (const name of ['10', '11', 'more/10', 'more/11'])
    writeFileSync(join(dir, `photos/${name}.png`), await photo.toBuffer());
});

const ran = async (...args: string[]) => {
  const ended = await run(['predict', ...args], { cwd: dir });
  assert.is(ended.code, 0, `${args.join(' ')}\n${ended.err}`);
  return ended;
};
const drawn = () => readdirSync(join(dir, 'drawn')).sort();

test('a drawing a picture; what --out has already is not drawn again', async () => {
  const args = ['--draw', 'drawn', '--out', 'rows.jsonl', 'photos'];
  assert.match((await ran(...args)).err, /drawn: 4 in drawn/);
  const all = drawn();
  assert.is(all.length, 4);
  assert.ok(all.includes('10.png.jpg') && all.includes('more_10.png.jpg'), `${all}`);
  const { format, width: w, height: h } = await sharp(join(dir, 'drawn/10.png.jpg')).metadata();
  assert.is(format, 'jpeg');
  assert.ok(Math.max(w, h) >= 720 && Math.max(w, h) <= 2000, `${w} x ${h}`);
  // Of 4 rows 3 are there: one picture is new, and none of the others is drawn again.
  const rows = readFileSync(join(dir, 'rows.jsonl'), 'utf8').trim().split('\n');
  assert.is(rows.length, 4);
  writeFileSync(join(dir, 'rows.jsonl'), `${rows.slice(0, -1).join('\n')}\n`);
  rmSync(join(dir, 'drawn'), { recursive: true });
  assert.match((await ran(...args)).err, /drawn: 1 in drawn/);
  assert.is(drawn().length, 1);
});

test('with --faces none the picture is the face: no box, the panel beside it', async () => {
  await ran('--faces', 'none', '--draw', 'crops', 'photos/10.png');
  const { data: pixels, info } = await sharp(join(dir, 'crops/10.png.jpg')).raw().toBuffer({ resolveWithObject: true });
  const side = Math.min(info.width, info.height);
  const given = await sharp(await photo.toBuffer())
    .resize(side, side)
    .removeAlpha()
    .raw()
    .toBuffer();
  let far = 0;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < 3 * side; x++)
      if (Math.abs(pixels[y * 3 * info.width + x] - given[y * 3 * side + x]) > 40) far++;
  assert.ok(far < 0.001 * side * side, `${far} of ${side * side} pixels are other than the picture's`);
});

test('a folder that may not be drawn into is refused before anything is looked at', async () => {
  const { code, err } = await run(['predict', '--draw', 'photos/drawn', 'photos'], { cwd: dir });
  assert.is(code, 2);
  assert.match(err, /--draw photos\/drawn: it lies in photos, which is looked through/);
  assert.not(existsSync(join(dir, 'photos/drawn')));
});

test.run();
