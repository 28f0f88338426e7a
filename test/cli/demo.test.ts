// The demo in a short form: what it prints and writes. That it learns is for the whole one to show (npm run demo).
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readRun } from '../../src/train/run/read_run';
import { run } from './program';

const test = suite('demo');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-demo-'));
test.after(() => rmSync(dir, { recursive: true }));

test('draws, trains, compares before with after, and names what it wrote', async () => {
  const out = join(dir, 'demo');
  const ended = await run(['demo', '--faces', '32', '--epochs', '1', '--out', out]);
  assert.is(ended.code, 0, ended.err);
  assert.match(ended.out, /before +after +chance/);
  assert.match(ended.out, /accuracy +\d+\.\d % +\d+\.\d % +14\.3 %/);
  const written = [...ended.out.matchAll(/^ {2}(\S+) {2}/gm)].map((m) => m[1]).filter((path) => path.includes('demo'));
  assert.ok(written.length >= 6, ended.out);
  for (const path of written) assert.ok(existsSync(path), path);
  const { args, rows } = readRun(out);
  assert.is(`${args.model} ${args.network}`, 'emotion_gcn densenet');
  assert.is(rows.length, 1);
});

test.run();
