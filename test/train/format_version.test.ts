// Files of a run say by which version of their format they were made: what a later one made is refused.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { PREVIOUS } from '../../src/train/run/files';
import { checkFormat, FORMAT_VERSION } from '../../src/train/run/format';
import { readManifest } from '../../src/train/run/manifest';
import { readRun, readWeights } from '../../src/train/run/read_run';
import { readRunToRepeat } from '../../src/train/run/repeat';

const test = suite('format version');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-format-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const LATER = FORMAT_VERSION + 1;
const told = `its format_version is ${LATER}, known are those up to ${FORMAT_VERSION}: made by a later version: update emotion-gcn`;

function refuses(what: () => unknown, file: string): void {
  assert.throws(what, (error: Error) => error instanceof InputError && error.message === `${file}: ${told}`);
}

/** Gives a JSON file a version. */
function setVersion(file: string, format_version: unknown): void {
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), format_version }));
}

test.before(() => cpSync('test/golden/older_runs/single_task', dir, { recursive: true }));

test('args.json of a later version is refused, whoever reads it', () => {
  const file = join(dir, 'args.json');
  const { args } = readRun(dir);
  setVersion(file, FORMAT_VERSION);
  assert.equal(readRun(dir).args, { ...args, format_version: FORMAT_VERSION });
  setVersion(file, LATER);
  refuses(() => readRun(dir), file);
  refuses(() => readRunToRepeat(dir, { saved_model: 'x' }), file);
  for (const none of [0, 1.5, -1, null, 'two', [], 1e300]) {
    setVersion(file, none);
    assert.throws(() => readRun(dir), /args\.json: expected a whole number from 1 as format_version, found /);
  }
  setVersion(file, 1);
  assert.equal(readRun(dir).args, args);
});

test('a manifest of a later version is refused', () => {
  const file = join(dir, 'manifest.json');
  assert.is(readManifest(dir)?.seed, 0);
  setVersion(file, LATER);
  refuses(() => readManifest(dir), file);
});

test('weights of a later version are refused, without falling back to others', () => {
  for (const which of ['best', 'last'] as const) {
    const file = join(dir, `weights/${which}.safetensors`);
    const { tensors, metadata } = readSafetensors(gunzipSync(readFileSync(`${file}.gz`)), file);
    const write = (to: string, version: Record<string, string>) =>
      writeFileSync(
        to,
        writeSafetensors(tensors as Parameters<typeof writeSafetensors>[0], { ...metadata, ...version }),
      );
    if (which === 'last') write(join(dir, PREVIOUS), {});
    const versions: Record<string, string>[] = [{}, { format_version: String(FORMAT_VERSION) }];
    for (const version of versions) {
      write(file, version);
      assert.is(readWeights(readRun(dir), which).tensors.size, tensors.size);
    }
    write(file, { format_version: String(LATER) });
    refuses(() => readWeights(readRun(dir), which), file);
  }
});

test('a file has the version that it says, the first where it says none; a later one is refused', () => {
  for (const [found, version] of [
    [undefined, 1],
    [1, 1],
    ['2', 2],
    [FORMAT_VERSION, FORMAT_VERSION],
    [String(FORMAT_VERSION), FORMAT_VERSION],
  ] as const)
    assert.is(checkFormat(found, 'f'), version);
  for (const later of [FORMAT_VERSION + 1, String(FORMAT_VERSION + 1)])
    assert.throws(
      () => checkFormat(later, 'f'),
      `f: its format_version is ${FORMAT_VERSION + 1}, known are those up to ${FORMAT_VERSION}: made by a later version`,
    );
  for (const none of [0, -1, 1.5, Number.NaN, null, true, [], {}])
    assert.throws(() => checkFormat(none, 'f'), /^f: expected a whole number from 1 as format_version, found /);
});

test('a text that is no number is no version', () => {
  for (const text of ['', ' ', '2.5', '0x2', 'Infinity', '9'.repeat(400)])
    assert.throws(() => checkFormat(text, 'f'), /^f: expected a whole number from 1 as format_version, found /);
});

test.run();
