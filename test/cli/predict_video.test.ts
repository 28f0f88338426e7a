// Videos through the program: rows with times, Ctrl-C in the midst of one, and going on behind it.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runs } from '../running';
import { programFile, run } from './program';

const test = suite('predict video');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-predict-video-'));
test.after(() => rmSync(dir, { recursive: true }));

const SIDE = 24;
const FRAME = SIDE * SIDE * 3;
/** Frames that no two of are alike. */
const frames = (count: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: count * FRAME }, (_, i) => (Math.floor(i / FRAME) * 37 + (i % 251)) % 256));

const lines = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(','));

test('frames of an animation and of a folder among photographs: a row each, with its time', async () => {
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  const file = (name: string) => join(dir, name);
  await sharp(frames(3), { raw: { ...raw, height: 3 * SIDE, pageHeight: SIDE } })
    .webp({ delay: [40, 500, 100], loop: 0, lossless: true })
    .toFile(file('a.webp'));
  mkdirSync(file('frames'));
  for (const i of [0, 1, 2])
    await sharp(frames(3).subarray(i * FRAME, (i + 1) * FRAME), { raw })
      .png()
      .toFile(file(`frames/${i + 9}.png`));
  const { code, out, err } = await run([
    ...'predict --faces none --format csv --fps 10'.split(' '),
    ...[file('a.webp'), file('frames/9.png'), file('frames')],
  ]);
  assert.is(code, 0, err);
  const [header, ...rows] = lines(out);
  assert.equal(header.slice(0, 3), ['image', 'time', 'expression']);
  assert.equal(
    rows.map(([image, time]) => [image.slice(dir.length + 1), time]),
    [
      ['a.webp', '0'],
      ['a.webp', '0.54'],
      ['frames/9.png', ''],
      ['frames/9.png', '0'],
      ['frames/10.png', '0.1'],
      ['frames/11.png', '0.2'],
    ],
  );
  // At 0.04 s the second is shown, in an interval that the first has begun; the same pixels are the same numbers.
  const [first, third, photograph, ...folder] = rows.map((row) => row.slice(2).join());
  assert.equal([first, third], [folder[0], folder[2]]);
  assert.is(photograph, folder[0]);
});

test('Ctrl-C while a film hangs: its rows are kept, ffmpeg is gone, and the same command goes on behind them', async () => {
  const [film, hang, out] = ['film.mp4', 'hang', 'rows.csv'].map((name) => join(dir, name));
  writeFileSync(film, '\0\0\0\x20ftypisom');
  writeFileSync(join(dir, 'raw'), frames(40));
  writeFileSync(hang, '');
  // In ffmpeg's place: 40 frames, in two pieces.
  const script = [
    '#!/bin/sh',
    `echo $$ > '${dir}/pid'`,
    `for n in 0 1 2 3 4 5 6 7 8 9; do for m in 0 1 2 3; do echo "n: 0 pts: $n$m pts_time:0 s:${SIDE}x${SIDE} i:P" >&2; done; done`,
    `head -c ${35 * FRAME} '${dir}/raw'`,
    `if [ -e '${hang}' ]; then sleep 1000 & echo $! > '${dir}/child'; wait; fi`,
    `tail -c ${5 * FRAME} '${dir}/raw'`,
  ];
  writeFileSync(join(dir, 'ffmpeg'), script.join('\n'));
  chmodSync(join(dir, 'ffmpeg'), 0o755);
  const env = { PATH: `${dir}:${process.env.PATH}` };
  const args = ['predict', '--faces', 'none', '--out', out, film];
  const child = spawn(process.execPath, [programFile(), ...args], { env: { ...process.env, ...env } });
  let told = '';
  child.stderr.on('data', (text) => (told += text));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  const late = setTimeout(() => child.kill('SIGKILL'), 180_000);
  while (child.exitCode === null && !(existsSync(out) && lines(readFileSync(out, 'utf8')).length > 32))
    await new Promise((done) => setTimeout(done, 50));
  child.kill('SIGINT');
  assert.is(await ended, 130, told);
  clearTimeout(late);
  assert.match(told, /stopped; 32 predictions are in .*rows\.csv, the same command goes on/);
  const kept = readFileSync(out, 'utf8');
  for (const name of ['pid', 'child']) assert.not(await runs(Number(readFileSync(join(dir, name), 'utf8'))), name);
  rmSync(hang);
  const again = await run(args, { env });
  assert.is(again.code, 0, again.err);
  assert.match(again.err, /rows\.csv has 32 predictions; going on behind them/);
  const whole = readFileSync(out, 'utf8');
  assert.ok(whole.startsWith(kept));
  const times = Array.from({ length: 40 }, (_, i) => `${(Math.floor(i / 4) * 10 + (i % 4)) / 1e6}`);
  assert.equal(
    lines(whole)
      .slice(1)
      .map(([, time]) => time),
    times,
  );
  rmSync(out);
  assert.is((await run(args, { env })).code, 0);
  assert.is(readFileSync(out, 'utf8'), whole, 'as in one go');
});

test('a film without ffmpeg: one message before anything else is looked at, exit 1', async () => {
  const { code, out, err } = await run(['predict', '--format', 'csv', join(dir, 'a.webp'), join(dir, 'film.mp4')], {
    env: { PATH: dir.slice(0, -1) },
  });
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(
    err,
    /film\.mp4: a video, which the program ffmpeg reads, and there is none.*install it, for example by "[\w ]*ffmpeg"\n$/,
  );
});

test.run();
