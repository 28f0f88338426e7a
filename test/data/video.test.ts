// Videos as frames: animated GIF and WebP, films by ffmpeg, and what a program in ffmpeg's place may do.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { decodeImage, isVideo, listPictures } from '../../src/data';
import { type Frame, framesOf } from '../../src/data/video';
import { given } from '../given';
import { runs } from '../running';

const test = suite('video');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-video-'));
const PATH = process.env.PATH;
test.after.each(() => {
  process.env.PATH = PATH;
});
test.after(() => rmSync(dir, { recursive: true }));

interface Seen {
  readonly frames: readonly Frame[];
  readonly said: readonly string[];
}

async function see(file: string, fps: number | null = null): Promise<Seen> {
  const said: string[] = [];
  const found = await framesOf(file, { fps }, (line) => said.push(line));
  assert.ok(found, `${file} is a video`);
  const frames: Frame[] = [];
  for await (const frame of found) frames.push(frame);
  return { frames, said };
}

const near = (a: Uint8Array, b: Uint8Array, most: number): boolean =>
  a.length === b.length && a.every((v, i) => Math.abs(v - b[i]) <= most);
const sameBytes = (a: Uint8Array, b: Uint8Array, what: string): void => assert.ok(Buffer.compare(a, b) === 0, what);

const times = ({ frames }: Seen): number[] => frames.map(({ time }) => time);

async function refused(work: () => Promise<unknown>, kind: new (m: string) => Error, message: RegExp): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, kind);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`expected ${message}`);
}

/** Frame i: gray, another than the one before, with a dark square of 4 pixels that goes on to the right. */
function drawn(count: number, side: number): Buffer {
  const row = side * 3;
  const pixels = Buffer.alloc(count * side * row);
  for (let i = 0; i < count; i++) {
    pixels.fill(80 + (i % 5) * 40, i * side * row, (i + 1) * side * row);
    for (let y = 0; y < 4; y++) {
      const at = (i * side + y) * row + (i % (side / 4)) * 12;
      pixels.fill(10, at, at + 12);
    }
  }
  return pixels;
}

async function animation(name: string, count: number, side: number, delay: number | number[]): Promise<string> {
  const picture = sharp(drawn(count, side), {
    raw: { width: side, height: side * count, channels: 3, pageHeight: side },
  });
  const file = join(dir, name);
  await (name.endsWith('gif')
    ? picture.gif({ delay, loop: 0 })
    : picture.webp({ delay, loop: 0, lossless: true })
  ).toFile(file);
  return file;
}

/** What a palette that is made for a picture may miss its colours by. */
const PALETTE = 8;

for (const kind of ['gif', 'webp'])
  test(`an animated ${kind}: every frame as it is shown, with its time; --fps takes of them`, async () => {
    const file = await animation(`a.${kind}`, 6, 32, [40, 200, 0, 300, 40, 40]);
    const seen = await see(file);
    // No delay is one of 100 ms.
    assert.equal(times(seen), [0, 0.04, 0.24, 0.34, 0.64, 0.68]);
    const pixels = Buffer.concat(seen.frames.map(({ image }) => image.data));
    assert.ok(near(pixels, drawn(6, 32), kind === 'gif' ? PALETTE : 0), 'as they were drawn');
    sameBytes(seen.frames[0].image.data, (await decodeImage(readFileSync(file))).data, 'the first as a picture');
    assert.equal(seen.said, []);
    assert.equal(times(await see(file, 5)), [0, 0.24, 0.64]);
    assert.equal(times(await see(file, 1000)), times(seen));
    assert.equal(times(await see(file, 0.1)), [0]);
    // What lacks its end gives what is whole, and says so.
    const bytes = readFileSync(file);
    writeFileSync(join(dir, `cut.${kind}`), bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    const cut = await see(join(dir, `cut.${kind}`));
    assert.ok(cut.frames.length >= 2 && cut.frames.length < 6, `${cut.frames.length} of 6`);
    assert.equal(times(cut), times(seen).slice(0, cut.frames.length));
    assert.match(
      cut.said.join('\n'),
      /cut\.\w+: truncated or damaged \(it lacks its end\): \d frames were read, the last at 0\.\d+ s$/,
    );
  });

test('thousands of frames of an animation, in their order, none twice', async () => {
  const [count, side] = [2100, 64];
  const file = await animation('long.gif', count, side, Array(count).fill(40));
  const all = drawn(count, side);
  const said: string[] = [];
  let i = 0;
  for await (const { time, image } of (await framesOf(file, { fps: null }, (line) => said.push(line)))!) {
    assert.is(time, (i * 40) / 1000);
    assert.ok(near(image.data, all.subarray(i * side * side * 3, ++i * side * side * 3), PALETTE), `frame ${i}`);
  }
  assert.is(i, count);
  assert.equal(said, []);
});

test('what is no video: a still GIF or WebP, a picture by another name, nothing, an empty file', async () => {
  const still = sharp({ create: { width: 8, height: 8, channels: 3, background: '#123' } });
  for (const [name, bytes] of [
    ['still.gif', await still.gif().toBuffer()],
    ['still.webp', await still.webp().toBuffer()],
    ['still.mp4', await still.jpeg().toBuffer()],
    ['pointer.mp4', Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['empty.mp4', Buffer.alloc(0)],
    ['text.jpg', Buffer.from('hello')],
  ] as const) {
    writeFileSync(join(dir, name), bytes);
    assert.is(await framesOf(join(dir, name), { fps: null }, assert.unreachable), null, name);
  }
  assert.is(await framesOf(join(dir, 'none.mp4'), { fps: null }, assert.unreachable), null);
});

test('an animation of more pixels than a picture may have is refused', async () => {
  const file = await animation('huge.webp', 2, 32, 40);
  const bytes = readFileSync(file);
  // Width and height less one, 24 bits each.
  bytes.writeUIntLE(16382, 24, 3);
  bytes.writeUIntLE(16382, 27, 3);
  writeFileSync(file, bytes);
  await refused(() => see(file), InputError, /huge\.webp: too large: 16383 x 16383 pixels/);
});

test('an animation among the sources: each frame a picture, of the file as it was given; in a folder it is its first frame', async () => {
  mkdirSync(join(dir, 'folder'));
  await animation('folder/a.gif', 3, 32, [100, 100, 100]);
  const file = relative(process.cwd(), join(dir, 'folder/a.gif'));
  const found = [];
  for await (const { frame, ...rest } of listPictures(file, { imageDir: null })) {
    assert.equal([frame?.width, frame?.height], [32, 32]);
    found.push(rest);
  }
  const of = { file, path: file, face: null, landmarks: null, root: null, problem: null, named: true };
  assert.equal(
    found,
    [0, 0.1, 0.2].map((time) => ({ ...of, time })),
  );
  for await (const { time, frame } of listPictures(join(dir, 'folder'), { imageDir: null }))
    assert.equal([time, frame], [null, null]);
});

const film = join(dir, 'film.mp4');
writeFileSync(film, '\0\0\0\x20ftypisom');

/** Puts a program in ffmpeg's place: lines of a shell. `shown` says that a frame of 2 x 1 comes. */
function fake(name: string, ...lines: string[]): void {
  mkdirSync(join(dir, name), { recursive: true });
  const file = join(dir, name, 'ffmpeg');
  const shown = `shown() { echo "[x @ 0x1] [info] n:   0 pts:$1 pts_time:0 fmt:rgb24 sar:1/1 s:\${2:-2x1} i:P" >&2; }`;
  writeFileSync(file, ['#!/bin/sh', shown, `echo $$ > '${dir}/pid'`, ...lines].join('\n'));
  chmodSync(file, 0o755);
  process.env.PATH = `${join(dir, name)}:${PATH}`;
}

/** What a program wrote that it is: its process. */
const written = (name: string): number => Number(readFileSync(join(dir, name), 'utf8'));

test('no ffmpeg: one message with the way to get it; the folder one is in is no folder of PATH', async () => {
  fake('here', 'exit 0');
  process.env.PATH = ['', '.', relative(process.cwd(), join(dir, 'here'))].join(':');
  // At once, before anything is looked at.
  await refused(() => isVideo(film, null), MachineError, /film\.mp4: a video, which the program ffmpeg reads.*install/);
  writeFileSync(join(dir, 'here', 'ffmpeg'), '#!/no/such/shell');
  process.env.PATH = join(dir, 'here');
  await refused(() => see(film), MachineError, /here\/ffmpeg: cannot be started \(ENOENT\)/);
});

test('a path is no flag and no protocol, and nothing else may be opened', async () => {
  fake('given', `printf '%s\\n' "$@" > '${dir}/args'`, 'shown 0; printf abcdef');
  for (const name of ['-y.mp4', 'concat:a|b.mp4', 'a%03d.mp4', 'it\'s "$(x)".mp4']) {
    writeFileSync(join(dir, name), '\0\0\0\x20ftypisom');
    const at = relative(process.cwd(), join(dir, name));
    assert.is((await see(at)).frames.length, 1);
    const args = readFileSync(join(dir, 'args'), 'utf8').split('\n');
    assert.is(args[args.indexOf('-i') + 1], `file:${join(dir, name)}`);
    assert.is(args[args.indexOf('-protocol_whitelist') + 1], 'file');
    assert.match(args[args.indexOf('-format_whitelist') + 1], /^mov,matroska,/);
    assert.not.match(args[args.indexOf('-format_whitelist') + 1], /hls|concat|dash|image2|lavfi|sdp/);
    assert.ok(args.includes('-nostdin'));
  }
});

test('frames in pieces, with their own sizes and times; what ends within one is said', async () => {
  fake('pieces', 'shown 0; shown 500000 1x1; shown NOPTS; printf abcd; sleep 0.1; printf efghi; sleep 0.1; printf jkl');
  const { frames, said } = await see(film);
  const seen = frames.map(({ time, image }) => [time, image.width, image.height, Buffer.from(image.data).toString()]);
  assert.equal(seen, [
    [0, 2, 1, 'abcdef'],
    [0.5, 1, 1, 'ghi'],
  ]);
  assert.match(
    said.join('\n'),
    /film\.mp4: damaged or cut: 2 frames were read, the last at 0\.5 s; ffmpeg: it ended within a frame$/,
  );
});

test('what fails: at once, after a frame, by a signal, at too many pixels, before ffmpeg 5.1', async () => {
  fake('fails', 'echo "[mov @ 0x1] [error] moov atom not found" >&2; echo "[error] other" >&2; exit 1');
  await refused(
    () => see(film),
    InputError,
    /film\.mp4: no frame of this video can be read; ffmpeg: moov atom not found$/,
  );
  fake('late', 'shown 0; printf abcdef; exit 3');
  assert.match((await see(film)).said.join('\n'), /1 frame was read, the last at 0 s; ffmpeg: exit 3$/);
  fake('more', 'shown 0; printf abcdefghijkl');
  assert.match(
    (await see(film)).said.join('\n'),
    /1 frame was read, the last at 0 s; ffmpeg: it gave more than it told of$/,
  );
  fake('killed', 'shown 0; printf abcdef; kill -SEGV $$');
  assert.match(
    (await see(film)).said.join('\n'),
    /1 frame was read, the last at 0 s; ffmpeg: it was ended by SIGSEGV$/,
  );
  fake('large', 'shown 0 20000x20000; while :; do echo x; done');
  await refused(() => see(film), InputError, /film\.mp4: too large: 20000 x 20000 pixels/);
  assert.not(await runs(written('pid')));
  fake(
    'old',
    `case "$*" in *-fps_mode*) echo "[fatal] Unrecognized option 'fps_mode'." >&2; exit 1;; *"-vsync passthrough"*) shown 0; printf abcdef;; esac`,
  );
  const { frames, said } = await see(film);
  assert.is(frames.length, 1);
  assert.equal(said, []);
});

test('one that hangs, floods or complains without end ends with the signal, and what it started with it', async () => {
  for (const [name, lines] of Object.entries({
    hangs: [`sleep 1000 & echo $! > '${dir}/child'; wait`],
    floods: [`echo $$ > '${dir}/child'; while :; do echo 0123456789; done`],
    complains: [`echo $$ > '${dir}/child'; while :; do echo "[error] 0123456789" >&2; done`],
    'after a frame': [`echo $$ > '${dir}/child'; shown 0; printf abcdef; sleep 1000`],
  })) {
    rmSync(join(dir, 'child'), { force: true });
    fake(name, ...lines);
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of (await framesOf(film, { fps: null, signal: controller.signal }, assert.unreachable))!);
    })();
    while (!existsSync(join(dir, 'child'))) await new Promise((done) => setTimeout(done, 10));
    setTimeout(() => controller.abort(new Error('stopped')), 100);
    await refused(() => reading, Error, /^stopped$/);
    assert.not(await runs(written('pid')), name);
    assert.not(await runs(written('child')), `${name}: what it started`);
  }
});

test('ffmpeg waits for whoever reads, and is gone when they stop early or throw', async () => {
  const frame = `shown 0 100x100; head -c 30000 /dev/zero; echo >> '${dir}/written'`;
  fake('endless', `while :; do ${frame}; done`);
  const early = async (leave: () => void) => {
    rmSync(join(dir, 'written'), { force: true });
    for await (const { image } of (await framesOf(film, { fps: null }, assert.unreachable))!) {
      assert.is(image.data.length, 30000);
      await new Promise((done) => setTimeout(done, 400));
      // A pipe holds 64 KiB, a stream as much.
      assert.ok(readFileSync(join(dir, 'written')).length < 20, 'it is not far ahead');
      leave();
      break;
    }
  };
  await early(() => {});
  assert.not(await runs(written('pid')));
  await refused(
    () =>
      early(() => {
        throw new Error('full');
      }),
    Error,
    /^full$/,
  );
  assert.not(await runs(written('pid')));
});

const real = given(test, spawnSync('ffmpeg', ['-version']).status === 0, 'ffmpeg');

/** Makes a film by the system's ffmpeg. */
function make(name: string, ...args: string[]): string {
  const file = join(dir, name);
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, file]);
  return file;
}
const source = (side: string, rate: number, seconds: number): string[] => [
  '-f',
  'lavfi',
  '-i',
  `testsrc2=s=${side}:r=${rate}`,
  '-t',
  `${seconds}`,
];

real('films in any container: the pixels that ffmpeg writes as pictures, the time of each frame; --fps', async () => {
  const mp4 = make('a.mp4', ...source('64x48', 30, 1));
  mkdirSync(join(dir, 'png'));
  execFileSync('ffmpeg', ['-v', 'error', '-i', mp4, join(dir, 'png', '%03d.png')]);
  const pngs = readdirSync(join(dir, 'png')).sort();
  assert.is(pngs.length, 30);
  const pixels = await Promise.all(
    pngs.map(async (name) => (await decodeImage(readFileSync(join(dir, 'png', name)))).data),
  );
  const files = [mp4, ...['a.mkv', 'a.ts'].map((name) => make(name, '-i', mp4, '-c', 'copy'))];
  // By its content alone.
  writeFileSync(join(dir, 'no ending'), readFileSync(mp4));
  for (const file of [...files, join(dir, 'no ending')]) {
    const seen = await see(file);
    assert.equal(seen.said, [], file);
    assert.is(seen.frames.length, 30, file);
    for (const [i, { time, image }] of seen.frames.entries()) {
      // Containers count in milliseconds or less.
      assert.ok(Math.abs(time - i / 30) <= 0.00051, `${file}: frame ${i} at ${time}`);
      assert.equal([image.width, image.height], [64, 48]);
      sameBytes(image.data, pixels[i], `${file}: frame ${i}`);
    }
    const some = times(await see(file, 7)).map((time) => Math.round(time * 30));
    assert.equal(some, [0, 5, 9, 13, 18, 22, 26], file);
  }
  for (const [name, ...how] of [['a.avi'], ['a.webm', '-b:v', '200k'], ['a.mpg', '-r', '25'], ['a.wmv'], ['a.flv']]) {
    const { frames, said } = await see(make(name, ...source('64x48', 25, 0.4), ...how));
    assert.is(frames.length, 10, name);
    assert.equal(said, [], name);
    assert.ok(
      Math.abs(frames[9].time - frames[0].time - 9 / 25) <= 0.0011,
      `${name}: ${frames.map(({ time }) => time)}`,
    );
  }
});

real('a film whose frames come at odd times, are turned, or change their size', async () => {
  const odd = make(
    'odd.mkv',
    ...source('32x32', 60, 2),
    '-vf',
    "select='lt(t,.1)+not(mod(n,20))'",
    '-vsync',
    '0',
    '-bf',
    '0',
  );
  const at = [0, 1, 2, 3, 4, 5, 20, 40, 60, 80, 100].map((n) => Math.round((n * 1000) / 60) / 1000);
  assert.equal(times(await see(odd)), at);
  assert.equal(times(await see(odd, 2)), [0, 0.667, 1, 1.667]);
  const plain = make('plain.mp4', ...source('64x48', 25, 0.2));
  // The display matrix of its track, in 16.16 and 2.30 bits: the last that turns nothing is made one that turns by 90 degrees.
  const bytes = readFileSync(plain);
  const matrix = (...rows: number[]) => Buffer.from(Int32Array.from(rows).buffer).swap32();
  const one = 0x10000;
  const at90 = bytes.lastIndexOf(matrix(one, 0, 0, 0, one, 0, 0, 0, 0x40000000));
  bytes.set(matrix(0, one, 0, -one, 0, 0, 48 * one, 0, 0x40000000), at90);
  const turned = join(dir, 'turned.mp4');
  writeFileSync(turned, bytes);
  const [{ image }] = (await see(turned)).frames;
  assert.equal([image.width, image.height], [48, 64]);
  const parts = ['64x48', '32x80'].map((size) => make(`${size}.ts`, ...source(size, 25, 0.2)));
  const two = join(dir, 'two.ts');
  writeFileSync(two, Buffer.concat(parts.map((file) => readFileSync(file))));
  const { frames } = await see(two);
  const sizes = frames.map(({ image: { width, height } }) => `${width}x${height}`);
  assert.equal([...new Set(sizes)], ['64x48', '32x80']);
  const alone = (await see(parts[1])).frames;
  sameBytes(frames.at(-1)!.image.data, alone.at(-1)!.image.data, 'the last is what it is in its own file');
  // Of the first, which ends in the middle of a stream, the last may be lost.
  assert.ok(sizes.length >= 9, `${sizes.length} of 10`);
});

real(
  'what is no film: a list of other files, sound, a text, a film without its index; cut, what was whole stays',
  async () => {
    const mp4 = make('b.mp4', ...source('64x48', 25, 4), '-g', '10', '-movflags', '+faststart');
    const ts = make('b.ts', '-i', mp4, '-c', 'copy');
    for (const [name, text] of [
      ['hls.mp4', `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${ts}\n#EXT-X-ENDLIST\n`],
      ['concat.mp4', `ffconcat version 1.0\nfile ${mp4}\n`],
      ['sdp.mov', 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n'],
      ['text.avi', 'hello '.repeat(1000)],
    ]) {
      writeFileSync(join(dir, name), text);
      await refused(() => see(join(dir, name)), InputError, /: no frame of this video can be read; ffmpeg: \w/);
    }
    const sound = make('sound.mp4', '-f', 'lavfi', '-i', 'sine', '-t', '0.2');
    await refused(() => see(sound), InputError, /sound\.mp4: no frame .*matches no streams/);
    const bytes = readFileSync(mp4);
    writeFileSync(join(dir, 'cut.mp4'), bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    const { frames, said } = await see(join(dir, 'cut.mp4'));
    assert.ok(frames.length > 5 && frames.length < 100, `${frames.length} of 100`);
    assert.match(
      said.join('\n'),
      new RegExp(`cut\\.mp4: damaged or cut: ${frames.length} frames were read, .* ffmpeg: \\w`),
    );
  },
);

real('a film of 2,000 frames needs the memory of some', async () => {
  const file = make('long.mp4', ...source('320x120', 25, 80), '-preset', 'ultrafast');
  let [count, most] = [0, 0];
  const before = process.memoryUsage().arrayBuffers;
  for await (const { image } of (await framesOf(file, { fps: null }, assert.unreachable))!) {
    assert.is(image.data.length, 115200);
    if (count++ % 50 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.is(count, 2000);
  // All frames together are 220 MiB; the garbage collector comes after 64 MiB or so.
  assert.ok(most < 120 * 2 ** 20, `${most >> 20} MiB`);
});

test.run();
