// Thousands of bad files, one after the other in one process: nothing is held of them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleInto } from '../bundled';
import { bytes, global, header, pickle, tensorFile, text, withEntries } from './make';

const COUNT = 10_000;

test(`${COUNT} bad files leave memory flat, and no file open`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-many-'));
  const out = resolve(`build/many-${process.pid}`);
  try {
    const bad: Record<string, Uint8Array> = {
      'call.pkl': pickle(global('os', 'system'), text('id'), 0x85, 'R'),
      'cut.pkl': pickle(']', 'K').subarray(0, 4),
      'cut.pth': tensorFile.subarray(0, -30),
      'data.pth': await withEntries({ 'archive/data.pkl': pickle(']', '(', 'K\x01', 'u') }),
      'header.safetensors': header('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}'),
      'page.pth': bytes('<!DOCTYPE html><html></html>'),
      'columns.csv': bytes('a,b\n1,2\n'),
      'cut.jpg': bytes(0xff, 0xd8, 0xff, 0xe0, 0, 16),
    };
    for (const [name, content] of Object.entries(bad)) writeFileSync(join(dir, name), content);
    bundleInto(out, { many: 'test/hostile/many.ts' });
    const files = Object.keys(bad).map((name) => join(dir, name));
    const args = ['--expose-gc', join(out, 'many.js'), `${COUNT}`, ...files];
    const { refused, early, late } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    assert.is(refused, COUNT);
    assert.is(late.open, early.open);
    // Of 9,000 files a hundred bytes each would be seen.
    assert.ok(late.bytes - early.bytes < 900_000, `${early.bytes} bytes after a tenth, ${late.bytes} after all`);
  } finally {
    rmSync(dir, { recursive: true });
    rmSync(out, { recursive: true, force: true });
  }
});

test.run();
