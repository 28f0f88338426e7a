import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('adding an op');

/** A heading with a path, then the file; `(add)` says that it belongs at the end of one that is there. */
const FILE = /^### `([^`]+)`( \(add\))?\n+```\w+\n([\s\S]*?)^```/gm;

test('the op of docs/adding-an-op.md works as it stands there', () => {
  const copy = mkdtempSync(join(tmpdir(), 'adding-an-op-'));
  try {
    for (const part of [
      'src',
      'scripts',
      'package.json',
      'test/attended.ts',
      'test/gpu.ts',
      'test/hashinit.ts',
      'test/goldens',
      'test/autograd/helpers.ts',
    ])
      cpSync(part, join(copy, part), { recursive: true });
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    const files = [...readFileSync('docs/adding-an-op.md', 'utf8').matchAll(FILE)];
    assert.is(files.length, 5);
    for (const [, path, add, text] of files) {
      const to = join(copy, path);
      mkdirSync(dirname(to), { recursive: true });
      if (add) appendFileSync(to, text);
      else writeFileSync(to, text);
    }
    const run = spawnSync(process.execPath, ['scripts/test.mjs', 'rms_norm'], { cwd: copy, encoding: 'utf8' });
    assert.is(run.status, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /3 passed, 0 failed/);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

test('examples/custom_op.ts checks its op and learns with it', () => {
  const out = execFileSync(process.execPath, ['scripts/run.mjs', 'examples/custom_op.ts'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const error = Number(out.match(/worst relative error (\S+)/)?.[1]);
  assert.ok(error < 1e-2, out);
  const losses = [...out.matchAll(/loss (\S+)/g)].map((m) => Number(m[1]));
  assert.is(losses.length, 4);
  assert.ok(losses[3] < losses[0] / 50, out);
});

test.run();
