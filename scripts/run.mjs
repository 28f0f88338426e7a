// Bundles one TypeScript program of this repository and runs it: node scripts/run.mjs FILE.ts [arguments]
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { bundle, WORKERS } from './bundle.mjs';
import { buildPage } from './page.mjs';

const [file, ...args] = process.argv.slice(2);
const name = basename(file, '.ts');
const outdir = `build/run/${name}`;
await bundle({ entryPoints: { [name]: file, ...WORKERS }, outdir });
await buildPage(outdir);
const { status, signal } = spawnSync(process.execPath, ['--enable-source-maps', `${outdir}/${name}.js`, ...args], {
  stdio: 'inherit',
});
process.exit(signal ? 1 : status);
