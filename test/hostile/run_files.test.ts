// The texts of a run from a stranger: with every entry replaced by something else, reading them gives a value or one InputError.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatMetrics } from '../../src/cli/format';
import { inspect } from '../../src/train/inspect';
import { compareRuns } from '../../src/train/reports/comparison';
import { RunReader } from '../../src/train/reports/page/run_reader';
import { readHashes } from '../../src/train/run/hashes';
import { readManifest } from '../../src/train/run/manifest';
import { readRun } from '../../src/train/run/read_run';
import { readRunToRepeat } from '../../src/train/run/repeat';
import { readRunToResume } from '../../src/train/run/resume';

const test = suite('run files');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-run-files-'));
test.after(() => rmSync(dir, { recursive: true }));
const RUN = 'test/golden/older_runs/single_task';

const OTHERS = [
  'null',
  'true',
  '-1',
  '1e999',
  '0.5',
  '1e15',
  '""',
  '"x"',
  `"${'y'.repeat(100_000)}"`,
  '"\\u0000"',
  '"\\u001b[2J"',
  '[]',
  '[null]',
  '["a","b"]',
  '[[[[[[[[]]]]]]]]',
  '{}',
  '{"toString":1,"valueOf":1}',
  '{"length":3}',
  '{"__proto__":{"a":1}}',
];

/** All that commands do with a run's texts before they open its weights. */
async function readAll(run: string): Promise<void> {
  const { metrics } = readRun(run);
  if (metrics) formatMetrics(metrics);
  compareRuns([run]);
  await inspect(run, 'run', { imageDir: null, dataset: null, numClasses: 7, maxBad: 0 });
  readRunToResume(run, {});
  readRunToRepeat(join(run, 'args.json'), { saved_model: join(dir, 'new') });
  readManifest(run);
  readHashes(run);
}

async function survives(run: string, what: string): Promise<boolean> {
  // The page is told of it all the same.
  const page = new RunReader(run, 'run', 'r0');
  assert.ok(page.look().length > 0, what);
  assert.ok(JSON.stringify(page.run.problems).length < 2500, what);
  try {
    await readAll(run);
    return true;
  } catch (error) {
    const { name, message, stack } = error as Error;
    assert.is(name, 'InputError', `${what}: ${stack}`);
    assert.ok(message.length < 2500, `${what}: a message of ${message.length} characters`);
    return false;
  }
}

for (const file of ['args.json', 'metrics.json', 'manifest.json']) {
  test(`${file}: every entry as something else, left out, and twice`, async () => {
    const run = join(dir, file);
    cpSync(RUN, run, { recursive: true });
    const path = join(run, file);
    const good: Record<string, unknown> = JSON.parse(readFileSync(path, 'utf8'));
    assert.ok(await survives(run, 'as it is'));
    const entries = Object.entries(good).map(([key, value]): [string, string] => [key, JSON.stringify(value)]);
    const write = (changed: readonly (readonly [string, string])[]): void =>
      writeFileSync(path, `{${changed.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`);
    for (const [i, [key]] of entries.entries()) {
      for (const other of OTHERS) {
        write(entries.map((entry, j) => (i === j ? [key, other] : entry)));
        await survives(run, `${key}: ${other.slice(0, 100)}`);
      }
      write(entries.filter((_, j) => i !== j));
      await survives(run, `without ${key}`);
      write([...entries, entries[i]]);
      assert.is(await survives(run, `${key} twice`), file === 'manifest.json');
    }
    for (const text of ['', 'null', '[]', '{', '\ufeff{}', '{"a":'.repeat(1e5), `[${'[],'.repeat(1e6)}[]]`]) {
      writeFileSync(path, text);
      await survives(run, text.slice(0, 100));
    }
    writeFileSync(path, `\ufeff${JSON.stringify(good)}`);
    assert.ok(await survives(run, 'with a byte order mark'));
    writeFileSync(path, Buffer.from(JSON.stringify(good), 'utf16le'));
    assert.is(await survives(run, 'UTF-16'), file === 'manifest.json');
  });
}

test('results.csv and hashes.csv: every field as something else', async () => {
  const run = join(dir, 'results');
  cpSync(RUN, run, { recursive: true });
  const path = join(run, 'results.csv');
  const [header, row] = readFileSync(path, 'utf8').trim().split('\n');
  const fields = row.split(',');
  for (const i of fields.keys())
    for (const other of ['', 'nan', 'inf', '-inf', '-1', '1e999', 'x', '"', '\0', '\x1b[2J', 'z'.repeat(1e6)]) {
      writeFileSync(path, `${header}\n${fields.map((field, j) => (i === j ? other : field)).join()}\n`);
      await survives(run, `column ${i + 1}: ${other.slice(0, 100)}`);
    }
  for (const text of [
    '',
    'x',
    `${header.slice(0, -1)}`,
    `${header}\n`,
    `${header}\n${'\n'.repeat(1e6)}`,
    'a'.repeat(1e7),
  ]) {
    writeFileSync(path, text);
    await survives(run, text.slice(0, 100));
  }
  writeFileSync(path, `${header}\n${row}\n`);
  for (const text of ['', 'epoch,step,hash\n1,1,xyz\n', 'epoch,step,hash\n', `epoch,step,hash\n${'9'.repeat(1e6)}`]) {
    writeFileSync(join(run, 'hashes.csv'), text);
    await survives(run, text.slice(0, 100));
  }
});

test.run();
