// Builds the static site and serves it on localhost: node scripts/web.mjs [--build] [--port N] [FOLDER, by default web/dist]
// --build: builds only. Whatever serves the folder, below any path, over https or on localhost, serves the site.
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { buildSiteShell } from './page.mjs';

/** Networks that come with the site, of @vladmandic/face-api. */
const WEIGHTS = ['tiny_face_detector_model', 'face_landmark_68_model', 'face_expression_model'];

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

async function build(outdir) {
  rmSync(outdir, { recursive: true, force: true });
  await buildSiteShell(outdir, JSON.parse(readFileSync('package.json', 'utf8')).version);
  const own = { outdir, splitting: false, platform: 'browser', packages: 'bundle', minify: true, sourcemap: false };
  const target = ['chrome123', 'firefox120', 'safari17.5'];
  const entryPoints = { site: 'src/page/site/index.tsx', worker: 'src/page/site/worker.ts' };
  await bundle({ ...own, target, entryPoints, legalComments: 'none', charset: 'utf8' });
  const from = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model');
  const to = join(outdir, 'weights');
  mkdirSync(to);
  for (const name of WEIGHTS)
    for (const file of [`${name}-weights_manifest.json`, `${name}.bin`]) copyFileSync(join(from, file), join(to, file));
}

/** Serves the files below a folder; of a port that is taken the next one. */
function serve(dir, port) {
  const root = resolve(dir);
  const server = createServer(({ url, method }, response) => {
    const file = fileOf(root, url);
    const there = file !== null && statSync(file, { throwIfNoEntry: false })?.isFile();
    if (!there || (method !== 'GET' && method !== 'HEAD')) return response.writeHead(there ? 405 : 404).end();
    const body = readFileSync(file);
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-cache' });
    response.end(method === 'HEAD' ? undefined : body);
  });
  server.on('error', (error) => {
    if (error.code !== 'EADDRINUSE' || port === 65535) throw error;
    server.listen(++port, '127.0.0.1');
  });
  server.on('listening', () => console.log(`http://127.0.0.1:${server.address().port}/   (Ctrl-C ends it)`));
  server.listen(port, '127.0.0.1');
}

/** The file that an address means; null: none below `root`. */
function fileOf(root, url) {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    const file = resolve(join(root, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)));
    return file.startsWith(root + sep) && !file.includes('\0') ? file : null;
  } catch {
    return null;
  }
}

function wrong(message) {
  console.error(`${message}; node scripts/web.mjs [--build] [--port N] [FOLDER]`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: { build: { type: 'boolean' }, port: { type: 'string' } } });
  } catch (error) {
    return wrong(error.message);
  }
}

const { values, positionals } = read();
const [outdir = 'web/dist'] = positionals;
const port = values.port ?? '8080';
if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) wrong(`--port expects 0 to 65535, found ${port}`);
await build(outdir);
if (values.build) console.log(`the site is in ${outdir}`);
else serve(outdir, Number(port));
