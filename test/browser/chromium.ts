// A Chromium for tests, driven by playwright-core, and a server of files for its pages.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, extname, join, resolve, sep } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The program that $CHROMIUM names, else the first of `PROGRAMS` that lies in the PATH. */
function program(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

const FLAGS = [
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  // It asks nobody for anything.
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
];

/** What leads Vulkan programs of this environment to their driver: the browser has one of its own. */
const DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];

/**
 * Opens a headless Chromium with WebGPU on the CPU; null where there is none.
 * @param flags others of its own, such as `--use-fake-device-for-media-stream`
 */
export async function openChromium(flags: readonly string[] = []): Promise<Browser | null> {
  const executablePath = program();
  if (!executablePath) return null;
  // Its sandbox wants another user than root.
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !DRIVER_VARIABLES.includes(name)));
  return chromium.launch({ executablePath, args: [...FLAGS, ...root, ...flags], env });
}

const TYPES: Record<string, string> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css' },
  ...{ '.json': 'application/json', '.map': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png' },
  ...{ '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.wasm': 'application/wasm' },
};

/** Serves the files below `dir` on 127.0.0.1; `url` ends in a slash, behind which a path of `dir` goes. */
export async function serve(dir: string): Promise<{ url: string; close(): Promise<void> }> {
  const root = resolve(dir);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    let file = resolve(join(root, path));
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) file = join(file, 'index.html');
    if (!file.startsWith(root + sep) || !existsSync(file)) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`there is no ${path}`);
      return;
    }
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.unref(); // a test that fails does not close it
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
