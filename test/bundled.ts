// Parts of the program for processes that a test starts: bundled in a process of its own, as the script that bundles is no part of a test.
import { execFileSync } from 'node:child_process';

/** Bundles files by the names that they get in a folder. */
export function bundleInto(outdir: string, entryPoints: Readonly<Record<string, string>>): void {
  const script = `import { bundle } from './scripts/bundle.mjs'; await bundle(${JSON.stringify({ entryPoints, outdir })})`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
}
