import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renameOver, syncFolder } from '../../src/data/platform';
import { packageVersion } from '../../src/train/run/package_version';

const dir = mkdtempSync(join(tmpdir(), 'platform-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** A rename that fails `times` times. */
function failing(code: string, times: number) {
  const asked: string[] = [];
  const move = async (_from: unknown, to: unknown): Promise<void> => {
    asked.push(String(to));
    if (asked.length <= times) throw Object.assign(new Error(code), { code });
  };
  return { asked, move };
}

test('a new name takes the place of an old one', async () => {
  const [from, to] = [join(dir, 'new'), join(dir, 'old')];
  writeFileSync(from, 'new');
  writeFileSync(to, 'old');
  await renameOver(from, to);
  assert.is(readFileSync(to, 'utf8'), 'new');
  await syncFolder(dir);
});

test('on Windows a file that somebody has open is waited for; elsewhere, and for what is no such thing, nobody waits', async () => {
  for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
    const held = failing(code, 3);
    await renameOver('a', 'b', { move: held.move, platform: 'win32' });
    assert.is(held.asked.length, 4, code);
  }
  for (const [code, platform] of [
    ['EPERM', 'linux'],
    ['EACCES', 'darwin'],
    ['ENOENT', 'win32'],
  ] as const) {
    const other = failing(code, 1);
    let thrown: unknown;
    await renameOver('a', 'b', { move: other.move, platform }).catch((error) => {
      thrown = error;
    });
    assert.is((thrown as NodeJS.ErrnoException)?.code, code);
    assert.is(other.asked.length, 1);
  }
});

test('what is held for ever is an error in the end', async () => {
  const held = failing('EBUSY', 100);
  let thrown: unknown;
  await renameOver('a', 'b', { move: held.move, platform: 'win32' }).catch((error) => {
    thrown = error;
  });
  assert.is((thrown as NodeJS.ErrnoException)?.code, 'EBUSY');
  assert.ok(held.asked.length > 5 && held.asked.length < 12, `${held.asked.length}`);
});

test('Windows syncs no folder', async () => {
  await syncFolder(join(dir, 'none'), 'win32');
});

test('the version of a package that is not above a file is unknown, also on a disk of Windows', () => {
  assert.is(packageVersion('no-such-package', pathToFileURL(join(dir, 'a.js')).href), 'unknown');
  assert.is(packageVersion('no-such-package', 'file:///C:/programs/a.js'), 'unknown');
});

test.run();
