// npm run bench:check on one work, with a baseline of its own.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { baselineFile, lost } from '../../bench/check/baseline';
import { bench } from './program';

const test = suite('bench:check');
const WORK = 'spmm forward 9x9 F512';

test('the baseline is made, obeyed, and a loss is reported with exit code 1', async () => {
  const folder = mkdtempSync('build/check-');
  try {
    const none = await bench('bench:check', WORK, '--folder', folder);
    assert.is(none.code, 2, none.err);
    assert.match(none.err, /no baseline yet; npm run bench:check -- --update/);

    const made = await bench('bench:check', WORK, '--folder', folder, '--update');
    assert.is(made.code, 0, made.err);
    const file = join(folder, readdirSync(folder)[0]);
    const baseline = JSON.parse(readFileSync(file, 'utf8'));
    const [[name, ratio]] = Object.entries(baseline.ratios as Record<string, number>);
    assert.ok(name.startsWith(WORK) && ratio > 0);

    for (const [factor, code] of [
      [0.01, 0],
      [100, 1],
    ]) {
      writeFileSync(file, JSON.stringify({ ...baseline, ratios: { [name]: factor * ratio } }));
      const ended = await bench('bench:check', WORK, '--folder', folder);
      assert.is(ended.code, code, ended.err);
      assert.match(ended.out, `${code} of 1 works lost more than 25 %`);
      assert.is(ended.out.includes(`\n  ${name}`), code === 1);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a file an adapter; a quarter less is no loss yet', () => {
  assert.is(baselineFile('bench', 'llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)'), join('bench', 'baseline.llvmpipe.json'));
  assert.is(baselineFile('bench', 'NVIDIA H100 80GB HBM3'), join('bench', 'baseline.nvidia-h100-80gb-hbm3.json'));
  assert.equal([lost(0.76, 1), lost(0.74, 1)], [false, true]);
});

test.run();
