// A page and a Web Worker of Chromium that have in_page.ts, for the tests of a file.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { openChromium, serve } from './chromium';
import type { Tasks } from './in_page';

/** Bundles programs for browsers, as the package is built. @param entryPoints names to files */
export function bundleForPages(entryPoints: Record<string, string>, outdir: string): void {
  const script = `import { bundleForPages } from './scripts/bundle.mjs'; await bundleForPages(${JSON.stringify({ entryPoints, outdir })})`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script]);
}

type Answer<Name extends keyof Tasks> = Awaited<ReturnType<Tasks[Name]>>;

/** A task done in the page, or in a Web Worker of it. */
export type Ask = <Name extends keyof Tasks>(name: Name, ...args: Parameters<Tasks[Name]>) => Promise<Answer<Name>>;

export interface Pages {
  readonly page: Page;
  /** Where what is served lies: `golden` of the tests, `model` of face-api, and whatever a test writes. */
  readonly folder: string;
  readonly url: string;
  readonly inPage: Ask;
  readonly inWorker: Ask;
  close(): Promise<void>;
}

/** null where there is no Chromium. */
export async function openPages(): Promise<Pages | null> {
  const browser = await openChromium(['--host-resolver-rules=MAP home.test 127.0.0.1']);
  if (!browser) return null;
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  bundleForPages({ in_page: 'test/browser/in_page.ts' }, folder);
  symlinkSync(resolve('test/golden'), join(folder, 'golden'));
  symlinkSync(resolve('node_modules/@vladmandic/face-api/model'), join(folder, 'model'));
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>tests</title><script type="module" src="in_page.js"></script>',
  );
  const { url, close } = await serve(folder);
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.tasks');
  const ask = (where: 'page' | 'worker') =>
    ((name: string, ...args: unknown[]) =>
      page.evaluate(
        async ([where, name, ...args]) => {
          if (where === 'page') {
            const { tasks } = globalThis as never as { tasks: Record<string, (...args: unknown[]) => unknown> };
            return tasks[name as string](...args);
          }
          const worker = new Worker('in_page.js', { type: 'module' });
          const { result, error } = await new Promise<{ result?: unknown; error?: string }>((done) => {
            worker.onmessage = ({ data }) => done(data);
            worker.onerror = ({ message }) => done({ error: message });
            worker.postMessage([name, ...args]);
          });
          worker.terminate();
          if (error) throw new Error(error);
          return result;
        },
        [where, name, ...args] as const,
      )) as Ask;
  return {
    ...{ page, folder, url, inPage: ask('page'), inWorker: ask('worker') },
    async close() {
      await browser.close();
      await close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
