// Builds the program: dist/index.js (the library), dist/cli.js, the worker threads' programs, and the library's types.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bundle, WORKERS } from './bundle.mjs';

rmSync('dist', { recursive: true, force: true });
await bundle({
  entryPoints: { index: 'src/index.ts', cli: 'src/cli/main.ts', ...WORKERS },
  outdir: 'dist',
});
if (existsSync('dist/cli.js')) chmodSync('dist/cli.js', 0o755);
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { stdio: 'inherit' });
