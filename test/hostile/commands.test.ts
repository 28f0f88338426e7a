// Each command that opens a file of a kind refuses a hostile one alike: exit code 2, one error that names the file, nothing written.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../cli/program';
import { bytes, CALL, global, header, pickle, tensorFile, withEntries } from './make';

const test = suite('commands');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-commands-'));
test.after(() => rmSync(dir, { recursive: true }));

/** A run of today's that is whole, with its faces. */
const RUNS = 'test/golden/older_runs';
const faces = join(RUNS, 'faces');
const good = join(dir, 'good');
test.before(() => {
  cpSync(join(RUNS, 'single_task'), good, { recursive: true });
  for (const name of ['best', 'last']) {
    const packed = join(good, 'weights', `${name}.safetensors.gz`);
    writeFileSync(packed.slice(0, -3), gunzipSync(readFileSync(packed)));
    rmSync(packed);
  }
});

const touch = join(dir, 'executed');
const evil = pickle(global('os', 'system'), bytes('X', touch.length + 6, 0, 0, 0, `touch ${touch}`, 0x85, 'R'));
const tensors: Record<string, Uint8Array> = {
  'evil.pkl': evil,
  'evil.pth': await withEntries({ 'archive/data.pkl': evil }),
  'cut.pth': tensorFile.subarray(0, 200),
  'doubled.safetensors': header('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}'),
  'nested.safetensors': header('['.repeat(1000)),
  'page.pth': bytes('<!DOCTYPE html><html>'),
  'pointer.safetensors': bytes('version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n'),
};
const annotations: Record<string, Uint8Array> = {
  'evil.pkl': evil,
  'calls.pkl': pickle(global('builtins', 'eval'), CALL),
  'page.csv': bytes('<!DOCTYPE html><html>'),
  'binary.csv': bytes(new Uint8Array(3000)),
  'outside.csv': bytes(
    'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n',
    ...['../../../etc/passwd', '/etc/passwd'].map(
      (path) => `${path},0,0,9,9,${Array.from({ length: 136 }, (_, i) => i).join(';')},1,0,0\n`,
    ),
  ),
};
const texts: Record<string, Uint8Array> = {
  nested: bytes('{"a":'.repeat(100_000)),
  twice: bytes('{"classes":["a"],"classes":["b"]}'),
  prototype: bytes('{"__proto__":{"classes":["a"]},"constructor":1}'),
  'not-a-number': bytes('{"classes":["a"],"lr":NaN}'),
  'utf-16': new Uint8Array(Buffer.from('\ufeff{"classes":["a"]}', 'utf16le')),
  object: bytes('{"classes":["a"],"lr":{"toString":1,"valueOf":1}}'),
  large: bytes('{"classes":["a"],"network":"', 'x'.repeat(5_000_000), '"}'),
  long: bytes('{"classes":["a"],"network":"', 'x'.repeat(1_000_000), '"}'),
};

/** All files below a folder, with their sizes. */
const listed = (): string[] =>
  (readdirSync(dir, { recursive: true }) as string[]).filter((name) => !name.startsWith('case')).sort();

let number = 0;
/** Writes the file, runs the command that opens it, expects it to be refused. */
async function refused(name: string, content: Uint8Array, args: (file: string) => string): Promise<void> {
  const place = join(dir, `case${++number}`);
  mkdirSync(place);
  const file = join(place, name);
  writeFileSync(file, content);
  const before = listed();
  const line = args(file);
  const { code, err } = await run(line.split(' '));
  assert.is(code, 2, `${line}\n${err}`);
  const errors = err.split('\n').filter((part) => part.startsWith('error: '));
  assert.is(errors.length, 1, `${line}\n${err}`);
  assert.match(err, name, line);
  assert.not.match(err, /\n\s+at /);
  assert.ok(errors[0].length < 1500, `${line}: a message of ${errors[0].length} characters`);
  assert.equal(listed(), before, line);
  assert.equal(readdirSync(place), [name], line);
  assert.not(existsSync(touch), 'executed');
}

const place = `--image_dir ${faces} --cache off --workers 1`;
const data = `--data ${faces}/training.csv --val_data ${faces}/validation.csv`;
const fresh = `train ${place} --network bregnext --image_size 16 --epochs 3`;

/** Runs a few at a time: most of each is starting. */
async function all(cases: Iterable<() => Promise<void>>): Promise<void> {
  const waiting = [...cases];
  await Promise.all(
    Array.from({ length: 2 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next();
    }),
  );
}

test('weights: predict, evaluate, inspect, train', async () => {
  await all(
    Object.entries(tensors).flatMap(
      ([name, content], i) =>
        [
          () => refused(name, content, (file) => `inspect ${file}`),
          // Each of the others with every other kind.
          () =>
            refused(
              name,
              content,
              (file) =>
                [
                  `predict --faces none --checkpoint ${file} ${faces}/images/validation/00000.jpg`,
                  `evaluate --checkpoint ${file} ${place} --data ${faces}/validation.csv`,
                  `${fresh} ${data} --model single_task --pretrained ${file} --saved_model ${file}-run`,
                  `${fresh} ${data} --emb random --adj ${file} --saved_model ${file}-run`,
                  `${fresh} ${data} --emb ${file} --saved_model ${file}-run`,
                ][i % 5],
            ),
        ] as (() => Promise<void>)[],
    ),
  );
});

test('annotations: train, evaluate, inspect', async () => {
  await all(
    Object.entries(annotations).flatMap(([name, content]) => [
      () =>
        refused(
          name,
          content,
          (file) =>
            `inspect --kind ${name.endsWith('csv') ? 'affectnet-csv' : 'annotations'} --image_dir ${faces} ${file}`,
        ),
      () => refused(name, content, (file) => `${fresh} --model single_task --data ${file} --saved_model ${file}-run`),
      () => refused(name, content, (file) => `evaluate --saved_model ${good} ${place} --data ${file}`),
    ]),
  );
});

/** A command on a copy of the good run, one file of which is another. */
async function refusedRun(file: string, content: Uint8Array, args: (run: string) => string): Promise<void> {
  const copy = join(dir, `case-run${++number}`);
  cpSync(good, copy, { recursive: true });
  writeFileSync(join(copy, file), content);
  // A run's own log may say it too.
  const all = (): string[] =>
    (readdirSync(copy, { recursive: true }) as string[]).filter((name) => name !== 'run.log').sort();
  const before = all();
  const line = args(copy);
  const { code, err } = await run(line.split(' '));
  assert.is(code, 2, `${line}, ${file}\n${err}`);
  assert.is(err.match(/^error: /gm)?.length, 1, `${line}, ${file}\n${err}`);
  assert.match(err, file, line);
  assert.ok(err.length < 3000, `${line}: a message of ${err.length} characters`);
  assert.equal(all(), before, line);
}

const commands = [
  (dir: string) => `inspect ${dir}`,
  (dir: string) => `export --saved_model ${dir} --format pth --out ${dir}.pth`,
  (dir: string) => `predict --faces none --saved_model ${dir} ${faces}/images/validation/00000.jpg`,
  (dir: string) => `evaluate --saved_model ${dir} ${place} --data ${faces}/validation.csv`,
  (dir: string) => `train --resume --saved_model ${dir} --image_dir ${faces} ${data}`,
  (dir: string) => `report --saved_model ${dir}`,
];

test("a run's texts: inspect, export, predict, evaluate, train --resume, report, --config", async () => {
  const files = ['args.json', 'metrics.json', 'results.csv'];
  await all([
    ...Object.values(texts).flatMap((content, i) =>
      files.map((file, j) => () => refusedRun(file, content, commands[(files.length * i + j) % commands.length])),
    ),
    ...Object.entries(texts).map(
      ([name, content]) =>
        () =>
          refused(`${name}.json`, content, (file) => `${fresh} ${data} --config ${file} --saved_model ${file}-run`),
    ),
  ]);
});

test("a run's weights: export, predict, evaluate, train --resume", async () => {
  const bad = Object.values(tensors);
  await all(
    commands.slice(1, 5).map((command, i) => {
      const file = command('').includes('--resume') ? 'weights/last.safetensors' : 'weights/best.safetensors';
      return () => refusedRun(file, bad[(i + 3) % bad.length], command);
    }),
  );
});

test('pictures: predict, inspect', async () => {
  const svg = bytes('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>');
  for (const content of [svg, evil, bytes('\xff\xd8\xff'), bytes()]) {
    await refused('face.jpg', content, (file) => `predict --faces none --saved_model ${good} ${file}`);
    await refused('face.jpg', content, (file) => `inspect --kind image ${file}`);
  }
});

test.run();
