// The version that a run is told to be made by: of the package by name, however many others lie between.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageVersion } from '../../src/train/run/package_version';

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-version-'));
test.after(() => rmSync(dir, { recursive: true }));

test('the nearest package of that name above a file; others, and what is no package.json, are passed over', () => {
  const [outer, inner] = [join(dir, 'ours'), join(dir, 'ours/node_modules/theirs')];
  const deep = join(inner, 'dist/parts');
  mkdirSync(deep, { recursive: true });
  const put = (folder: string, text: string): void => writeFileSync(join(folder, 'package.json'), text);
  put(dir, '{"name":"ours","version":"0.0.1"}');
  put(outer, '{"name":"ours","version":"1.2.3"}');
  put(inner, '{"name":"theirs","version":"9.0.0"}');
  put(join(inner, 'dist'), '{ broken');
  const url = pathToFileURL(join(deep, 'file.js')).href;
  assert.is(packageVersion('ours', url), '1.2.3');
  assert.is(packageVersion('theirs', url), '9.0.0');
  assert.is(packageVersion('nobody-has-this', url), 'unknown');
});

test.run();
