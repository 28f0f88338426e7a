// Bundles test/**/*.test.ts and runs them with uvu in one process: node scripts/test.mjs [part of a path ...]
// Closes with the line `N passed, N failed, N skipped`; exit 1 if any failed or none was found.
import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { bundle } from './bundle.mjs';

const wanted = process.argv.slice(2);
const files = readdirSync('test', { recursive: true })
  .filter((f) => f.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((w) => `test/${f}`.includes(w))))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
const outdir = `build/test-${process.pid}`;
await bundle({
  entryPoints: {
    ...Object.fromEntries(files.map((f) => [f.slice(0, -3), `test/${f}`])),
    'image-worker': 'src/data/image_worker.ts',
  },
  outdir,
});

const child = spawn(process.execPath, ['--enable-source-maps', 'node_modules/uvu/bin.js', outdir, '\\.test\\.js$'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let tail = '';
child.stdout.on('data', (chunk) => {
  process.stdout.write(chunk);
  tail = (tail + chunk).slice(-2000);
});
child.on('close', (code) => {
  rmSync(outdir, { recursive: true, force: true });
  const plain = tail.replace(/\x1b\[\d+m/g, '');
  const count = (name) => Number(plain.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1] ?? 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  const died = !plain.includes('Total:');
  if (died) console.log(`the test process ended before its summary (exit ${code})`);
  console.log(`${passed} passed, ${total - passed + (died ? 1 : 0)} failed, ${skipped} skipped`);
  process.exit(code || total === 0 ? 1 : 0);
});
