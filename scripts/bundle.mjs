// The one place that knows how this project's TypeScript and WGSL become JavaScript.
import { build } from 'esbuild';

/** Bundles `entryPoints` into `outdir`; npm packages stay external, shared code goes into chunks, WGSL is text. */
export const bundle = (options) =>
  build({
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    loader: { '.wgsl': 'text' },
    logLevel: 'warning',
    ...options,
  });
