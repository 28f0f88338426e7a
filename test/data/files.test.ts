import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import {
  CLASSES,
  listPictures,
  loadEmbedding,
  readAdjacency,
  readAffectNet,
  readAnnotations,
  readPicture,
} from '../../src/data';
import { makeFolders, readWhole, writeWhole } from '../../src/data/files';
import { inspect, KINDS } from '../../src/train/inspect';
import { readWeightsFile } from '../../src/train/run/weights_file';
import { refusal as unusable } from './goldens';

const test = suite('files');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-files-'));
test.after(() => rmSync(dir, { recursive: true }));

const here = (name: string): string => join(dir, name);
execFileSync('mkfifo', [here('pipe.pkl')]);
symlinkSync(here('loop.csv'), here('loop.csv'));
symlinkSync('/dev/zero', here('zero.txt'));
mkdirSync(here('folder.pth'));
/** What has no end, or is no file. */
const ODD = ['pipe.pkl', 'loop.csv', 'zero.txt', 'folder.pth', 'nothing.pkl'].map(here);

test('folders are made with those that they lie in; where the file system has no place for one, it is said at once', () => {
  assert.equal(makeFolders(here('a/b/c')), ['a', 'a/b', 'a/b/c'].map(here));
  assert.equal(makeFolders(here('a/b/c')), []);
  assert.throws(() => makeFolders('/proc/none/here'), /ENOENT/);
  assert.throws(() => makeFolders(here('pipe.pkl')), /EEXIST/);
});

const settings = { imageDir: null, dataset: 'affectnet', numClasses: 7, maxBad: 0.01 } as const;
const READERS: Record<string, (file: string) => Promise<unknown>> = {
  readWhole,
  loadEmbedding: (file) => loadEmbedding(file),
  readAdjacency: (file) => readAdjacency(file),
  readAffectNet: (file) => readAffectNet(file),
  readAnnotations: (file) => readAnnotations(file, { dataset: 'affectnet', classes: CLASSES, imageDir: dir }),
  readWeightsFile,
  inspect: (file) => inspect(file, null, settings),
  ...Object.fromEntries(KINDS.map((kind) => [kind, (file: string) => inspect(file, kind, settings)])),
};

const refusal = async (what: string, run: () => Promise<unknown>): Promise<string> => {
  const error: unknown = await run().then(
    () => assert.unreachable(`${what} passed`),
    (e: unknown) => e,
  );
  assert.instance(error, InputError, `${what}: ${error}`);
  return (error as Error).message;
};

test('a file that cannot be read, or only in part, is one message: no reader ends the process', async () => {
  symlinkSync('/proc/self/mem', here('memory.csv')); // it opens, and its first byte cannot be read
  for (const name of ['closed.csv', 'closed.txt', 'closed.pkl', 'closed.pth', 'closed.jpg'])
    writeFileSync(here(name), 'a,b', { mode: 0 });
  const readers: typeof READERS = { ...READERS, list: (file: string) => listPictures(file, { imageDir: null }).next() };
  const root = process.geteuid?.() === 0;
  if (root) chmodSync(dir, 0o755);
  if (root) process.seteuid?.(12345);
  try {
    for (const name of ['closed.csv', 'closed.txt', 'closed.pkl', 'closed.pth'])
      for (const [reader, read] of Object.entries(readers)) {
        if (reader === 'run' || (reader === 'list' && /pkl|pth/.test(name))) continue;
        const message = await refusal(`${reader} of ${name}`, () => read(here(name)));
        assert.match(message, new RegExp(`${name}: .*(may not|cannot) be read`), reader);
      }
  } finally {
    if (root) process.seteuid?.(0);
  }
  if (process.platform !== 'linux') return;
  for (const reader of ['readAffectNet', 'list'])
    assert.match(await refusal(reader, () => readers[reader](here('memory.csv'))), 'memory.csv: cannot be read');
});

test('no reader waits for a pipe or device; what is no file is refused by its name', async () => {
  for (const file of ODD) {
    for (const [name, read] of Object.entries(READERS)) {
      const message = await refusal(`${name} of ${file}`, () => read(file));
      // A picture's reasons stand behind its name, a run's path behind its flag.
      assert.ok(message.includes(file), `${name}: ${message}`);
    }
  }
});

test('pictures and lists of them likewise', async () => {
  for (const file of ODD) {
    await unusable(() => readPicture(file), /no such file|not a file|ELOOP/, 'ImageError');
  }
  for (const list of ['pipe.csv', 'pipe.txt']) {
    execFileSync('mkfifo', [here(list)]);
    await refusal(list, () => listPictures(here(list), { imageDir: null }).next());
  }
  await unusable(() => readPicture('zero\0byte.jpg'), /cannot be read \(ERR_INVALID_ARG_VALUE\)/, 'ImageError');
});

test('a file of 2 GiB is refused with its size', async () => {
  const file = here('large.pth');
  writeFileSync(file, Buffer.of(0x50, 0x4b, 3, 4));
  truncateSync(file, 2 ** 31);
  for (const read of [readWeightsFile, (f: string) => loadEmbedding(f), (f: string) => readAdjacency(f)]) {
    assert.match(
      await refusal('large', () => read(file)),
      /large.pth: expected a file of less than 2 GiB, found 2147483648 bytes/,
    );
  }
});

test('a file is written as a whole, and only where a file may be', async () => {
  await writeWhole(here('out.txt'), 'first');
  await writeWhole(here('out.txt'), new TextEncoder().encode('second'));
  assert.is(readFileSync(here('out.txt'), 'utf8'), 'second');
  for (const odd of [
    here('folder.pth'),
    here('pipe.pkl'),
    here('zero.txt'),
    here('loop.csv'),
    here('no/such/folder'),
  ]) {
    assert.match(await refusal(odd, () => writeWhole(odd, 'x')), /cannot be written.*--out/);
  }
});

test('a file that is replaced keeps its mode and the links to it; pieces that end in an error leave the old one', async () => {
  const [old, link] = [here('replaced/old.csv'), here('replaced/link.csv')];
  mkdirSync(here('replaced'));
  writeFileSync(old, 'old', { mode: 0o600 });
  symlinkSync(old, link);
  async function* pieces(failing: boolean) {
    yield 'a,';
    yield '';
    if (failing) throw new InputError('no more');
    yield 'b';
  }
  await writeWhole(link, pieces(true)).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'no more'),
  );
  assert.is(readFileSync(old, 'utf8'), 'old');
  await writeWhole(link, pieces(false));
  assert.is(readFileSync(old, 'utf8'), 'a,b');
  assert.is(statSync(old).mode & 0o777, 0o600);
  assert.equal(readdirSync(here('replaced')).sort(), ['link.csv', 'old.csv']);
});

test.run();
