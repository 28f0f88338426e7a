// Builds the program: dist/index.js (the library), dist/engine_node.js (its engine alone), dist/browser.js (a page's), dist/cli.js, the worker threads' programs,
// dist/page.html, and the library's types: node scripts/build.mjs [FOLDER, by default dist]
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, bundleForPages, WORKERS } from './bundle.mjs';
import { buildPage } from './page.mjs';

const [outdir = 'dist'] = process.argv.slice(2);
const DOORS = { index: 'src/index.ts', engine_node: 'src/engine_node.ts' };
const PAGES = { browser: 'src/browser.ts' };

rmSync(outdir, { recursive: true, force: true });
await bundle({ entryPoints: { ...DOORS, cli: 'src/cli/main.ts', ...WORKERS }, outdir });
await bundleForPages({ entryPoints: PAGES, outdir });
chmodSync(join(outdir, 'cli.js'), 0o755);
await buildPage(outdir);

const types = join(outdir, 'types');
const tsc = createRequire(import.meta.url)
  .resolve('typescript/package.json')
  .replace('package.json', 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json', '--outDir', types], { stdio: 'inherit' });

/** Declarations that a door leads to. */
const reached = new Set(Object.keys({ ...DOORS, ...PAGES }).map((door) => join(types, `${door}.d.ts`)));
for (const file of reached) {
  // Node's way of resolving wants whole names of files.
  const text = readFileSync(file, 'utf8').replace(
    /(\bfrom |\bimport\()(['"])(\.[^'"]*)\2/g,
    (_, before, quote, from) => {
      const [name, path] = [from, `${from}/index`]
        .map((name) => [name, join(dirname(file), `${name}.d.ts`)])
        .find(([, path]) => existsSync(path));
      reached.add(path);
      return `${before}${quote}${name}.js${quote}`;
    },
  );
  writeFileSync(file, text);
}
for (const name of readdirSync(types, { recursive: true })) {
  const file = join(types, name);
  if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
}
