// Packs all that `npm run gpu:day` takes for a bare x86-64 Linux machine: Node, Dawn, the Vulkan loader, this program as one bundle, golden
// files and drawn faces: node scripts/gpu_pack.mjs [FILE, by default runs/gpu-day.tar.gz]. There: tar -xzf gpu-day.tar.gz && gpu-day/gpu-day
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { bundle, WORKERS } from './bundle.mjs';

const [file = 'runs/gpu-day.tar.gz'] = process.argv.slice(2);
/** Packages that are files beside the bundle: each with what is taken of it. */
const PACKAGES = {
  webgpu: ['package.json', 'index.js', 'dist/linux-x64/dawn.node'],
  '@cornerstonejs/codec-libjpeg-turbo-8bit': [
    ...['package.json', 'dist/libjpegturbowasm_decode.js', 'dist/libjpegturbowasm_decode.wasm'],
  ],
};
/** Stands in for libvips, for which there is no room: nothing of the day draws, and its JPEG files are read without. */
const NO_SHARP = `const sharp = () => { throw new Error('libvips is not in this archive'); };
module.exports = Object.assign(sharp, { concurrency() {}, cache() {} });
`;
const GOLDENS = ['ops', 'extra', 'ops_large', 'modules', 'models'];

if (process.platform !== 'linux' || process.arch !== 'x64')
  fail(`packs x86-64 Linux's own files; this is ${process.platform}-${process.arch}`);
const stage = mkdtempSync(join(tmpdir(), 'emotion-gcn-pack-'));
try {
  const app = join(stage, 'gpu-day');
  const put = (from, to = from) => cpSync(realpathSync(from), join(app, to), { recursive: true });
  await bundle({
    entryPoints: { gpu_day: 'bench/gpu_day/gpu_day.ts', ...WORKERS },
    outdir: app,
    packages: 'bundle',
    external: [...Object.keys(PACKAGES), 'sharp', 'koffi'],
    sourcemap: false,
    // What packages in CommonJS ask Node for.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
  for (const [name, files] of Object.entries(PACKAGES)) for (const f of files) put(join('node_modules', name, f));
  const { name, version, type } = JSON.parse(readFileSync('package.json', 'utf8'));
  write('package.json', JSON.stringify({ name, version, type }));
  write('node_modules/sharp/package.json', JSON.stringify({ name: 'sharp', version: '0.0.0', main: 'index.js' }));
  write('node_modules/sharp/index.js', NO_SHARP);
  for (const folder of GOLDENS) put(join('test/golden', folder));
  put('bench/peers/torch_networks.py');
  put('bench/gpu_day/pack/gpu-day', 'gpu-day');
  const draw = ['synth', '--out', join(app, 'bench/gpu_day/faces'), '--n', '70', '--validation', '7', '--size', '227'];
  execFileSync(process.execPath, ['scripts/run.mjs', 'src/cli/main.ts', ...draw, '--quiet'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  put(process.execPath, 'node');
  put(loader(), 'lib/vulkan/libvulkan.so.1');
  for (const lib of ['libstdc++.so.6', 'libgcc_s.so.1']) put(needed(lib), `lib/runtime/${lib}`);
  for (const binary of ['node', 'node_modules/webgpu/dist/linux-x64/dawn.node']) strip(join(app, binary));
  mkdirSync(dirname(resolve(file)), { recursive: true });
  execFileSync('tar', ['--owner=0', '--group=0', '-C', stage, '-czf', resolve(file), 'gpu-day'], {
    stdio: 'inherit',
  });
  console.log(
    `${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB; there: tar -xzf ${file.split('/').at(-1)} && gpu-day/gpu-day`,
  );

  function write(to, text) {
    mkdirSync(dirname(join(app, to)), { recursive: true });
    writeFileSync(join(app, to), text);
  }
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** The Vulkan loader: the system's, or that of the CPU driver which the first device set up. */
function loader() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const places = [
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib64',
    join(cache, 'emotion-gcn/lavapipe/lib'),
    join(cache, 'emotion-gcn/swiftshader/lib'),
  ];
  const found = places.map((place) => join(place, 'libvulkan.so.1')).find((path) => existsSync(path));
  return (
    found ??
    fail('libvulkan.so.1 is nowhere: sudo apt-get install -y libvulkan1, or npx emotion-gcn doctor, which sets one up')
  );
}

/** A library that Node runs with here. */
function needed(lib) {
  const line = execFileSync('ldd', [process.execPath], { encoding: 'utf8' })
    .split('\n')
    .find((l) => l.trim().startsWith(lib));
  return line?.match(/=> (\S+)/)?.[1] ?? fail(`ldd ${process.execPath} does not name ${lib}`);
}

/** Symbols are a fifth of the size; without strip, or where it fails, they go along. */
function strip(binary) {
  try {
    execFileSync('strip', ['--strip-unneeded', binary], { stdio: 'ignore' });
  } catch {
    console.log(`${binary}: not stripped`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
