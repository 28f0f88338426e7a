// Who installs the package knows under which licences: docs/licences.md, and npm's own list.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('licences');
const SCRIPT = 'scripts/licences.mjs';

test('docs/licences.md is what the lock file says', () => {
  const page = execFileSync(process.execPath, [SCRIPT], { encoding: 'utf8' });
  assert.is(readFileSync('docs/licences.md', 'utf8'), page, `node ${SCRIPT} > docs/licences.md`);
});

test('another licence than those that are taken is refused, unless only building needs it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-licences-'));
  const lock = join(dir, 'lock.json');
  const entry = (license: string | undefined, dev: boolean) => ({ version: '1.0.0', license, dev });
  try {
    for (const [license, dev, status] of [
      ['MIT', false, 0],
      ['AGPL-3.0-only', true, 0],
      ['AGPL-3.0-only', false, 1],
      [undefined, false, 1],
    ] as const) {
      writeFileSync(lock, JSON.stringify({ packages: { '': {}, 'node_modules/a': entry(license, dev) } }));
      const found = spawnSync(process.execPath, [SCRIPT, lock], { encoding: 'utf8' });
      assert.is(found.status, status, `${license} ${dev}`);
      if (status === 1) assert.match(found.stderr, `a 1.0.0: ${license ?? 'none'}`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('npm sbom lists every package that is installed with ours', () => {
  const args = ['sbom', '--omit=dev', '--sbom-format=cyclonedx'];
  const told = execFileSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' });
  const names = new Set(JSON.parse(told).components.map(({ name }: { name: string }) => name));
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const name of Object.keys(dependencies)) assert.ok(names.has(name), name);
});

test.run();
