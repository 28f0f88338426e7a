// The one place that knows how this project's TypeScript, WGSL and WebAssembly text become JavaScript.
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { build } from 'esbuild';
import { buildPage } from './page.mjs';

/** WGSL becomes text that says first which file it is, so that a compiler's message can be told by file and line. */
const wgsl = {
  name: 'wgsl',
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, async ({ path }) => ({
      contents: `//@ ${relative('.', path).replaceAll('\\', '/')}\n${await readFile(path, 'utf8')}`,
      loader: 'text',
    }));
  },
};

/** Entry points of worker threads, which stand beside every program. */
export const WORKERS = {
  'image-worker': 'src/data/crops/image_worker.ts',
  'label-worker': 'src/data/layouts/label_worker.ts',
  'stamp-worker': 'src/data/stamp_worker.ts',
  'page-worker': 'src/ui/worker.ts',
  'mpi-worker': 'src/ranks/worker.ts',
};

/** WebAssembly text becomes the bytes of its module. */
const wat = {
  name: 'wat',
  setup({ onLoad }) {
    onLoad({ filter: /\.wat$/ }, async ({ path }) => {
      const { parseWat } = await (await import('wabt')).default();
      const module = parseWat(relative('.', path), await readFile(path, 'utf8'));
      const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
      // As a page can decode it too, which has no Buffer.
      return { contents: `export default Uint8Array.from(atob('${base64}'), (c) => c.charCodeAt(0));` };
    });
  },
};

const common = { bundle: true, format: 'esm', sourcemap: 'linked', plugins: [wgsl, wat], logLevel: 'warning' };

/** Bundles `entryPoints` into `outdir`; npm packages stay external, shared code goes into chunks, WGSL is text, WebAssembly bytes. */
export const bundle = ({ plugins = [], ...options }) =>
  build({
    ...common,
    ...{ splitting: true, platform: 'node', target: 'node20', packages: 'external' },
    plugins: [...plugins, ...common.plugins],
    ...options,
  });

/** Bundles the program into `outdir`, as cli.js, with what stands beside it. */
export async function bundleProgram(outdir, main = 'src/cli/main.ts') {
  await bundle({ entryPoints: { cli: main, ...WORKERS }, outdir });
  await buildPage(outdir);
}

/** Bundles each of `entryPoints` for browsers into one file that needs no other. */
export const bundleForPages = (options) => build({ ...common, platform: 'browser', target: 'es2022', ...options });
