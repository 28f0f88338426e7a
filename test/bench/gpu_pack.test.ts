// npm run gpu:pack: what is in the archive for a bare machine, and that it runs there with nothing of this one but its driver.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { given } from '../given';
// A device has been set up then, and with it the loader that is packed where the system has none.
import '../gpu';

const test = suite('gpu:pack');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-pack-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Bytes: docs/gpu-day.md. */
const MOST = 60e6;
const GOLDEN = 'test/golden/extra/conv2d_4x4s4.safetensors';
const NEEDED = [
  ...['gpu-day', 'node', 'gpu_day.js', 'image-worker.js', 'package.json', 'bench/peers/torch_networks.py', GOLDEN],
  ...['bench/gpu_day/faces/training.csv', 'bench/gpu_day/faces/images/training/00069.jpg'],
  ...['lib/vulkan/libvulkan.so.1', 'lib/runtime/libstdc++.so.6', 'node_modules/webgpu/dist/linux-x64/dawn.node'],
];
const NEEDLESS = /\.map$|\.ts$|libvips|koffi/;

given(
  test,
  process.platform === 'linux' && process.arch === 'x64',
  'x86-64 Linux',
)('the archive has what a day needs, in 60 MB, and computes a golden by its own Node and Dawn', async () => {
  const file = join(dir, 'gpu-day.tar.gz');
  execFileSync(process.execPath, ['scripts/gpu_pack.mjs', file]);
  const { size } = statSync(file);
  assert.ok(size < MOST, `${size} bytes`);
  const listed = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).split('\n');
  assert.equal(
    NEEDED.filter((name) => !listed.includes(`gpu-day/${name}`)),
    [],
  );
  assert.equal(
    listed.filter((name) => NEEDLESS.test(name)),
    [],
  );
  execFileSync('tar', ['-C', dir, '-xzf', file]);
  const one = join(dir, 'one');
  mkdirSync(one);
  copyFileSync(join(dir, 'gpu-day', GOLDEN), join(one, 'golden.safetensors'));
  // The programs of a day end with their input.
  const { HOME = '', XDG_CACHE_HOME, MESA_SHADER_CACHE_DIR } = process.env;
  const env = { HOME, XDG_CACHE_HOME, MESA_SHADER_CACHE_DIR, PATH: '/usr/bin:/bin' };
  const child = spawn(join(dir, 'gpu-day/gpu-day'), ['--program', 'goldens', one], { cwd: dir, env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const code = await new Promise((done) => child.on('close', done));
  assert.is(code, 0, text);
  assert.match(text, /^1 passed, 0 failed$/m);
});

test.run();
