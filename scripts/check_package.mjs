// The package, as it would be published, in the eyes of publint and arethetypeswrong, and in a page that Vite builds: npm run check:package.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'check-package-'));
try {
  execFileSync('npm', ['pack', '--pack-destination', folder], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const tarball = join(folder, readdirSync(folder)[0]);
  const tool = (file, ...args) =>
    execFileSync(process.execPath, [`tools/node_modules/${file}`, ...args], { stdio: 'inherit' });
  tool('publint/src/cli.js', 'run', tarball, '--strict');
  // It is for import alone, as its dependencies are.
  tool('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only');
  execFileSync(process.execPath, ['scripts/run.mjs', 'test/pack/vite.ts', tarball], { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
