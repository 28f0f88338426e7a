// The examples run as they stand.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticFolders } from '../src/data/synthetic/synthetic_folders';
import { cacheDir } from '../src/device/node';

const run = (name: string, args: readonly string[] = [], env: Record<string, string> = {}): string =>
  execFileSync(process.execPath, ['scripts/run.mjs', `examples/${name}.ts`, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });

test('every example has a test', () => {
  const files = ['examples.test.ts', 'docs/adding_an_op.test.ts'].map((file) => readFileSync(`test/${file}`, 'utf8'));
  const text = files.join();
  for (const name of readdirSync('examples').filter((f) => f.endsWith('.ts')))
    assert.ok(text.includes(`run('${name.slice(0, -3)}'`) || text.includes(`'examples/${name}'`), name);
});

test('train_small_net learns to tell stripes', () => {
  const out = run('train_small_net');
  const losses = [...out.matchAll(/^step \d+: loss (\S+)$/gm)].map((m) => Number(m[1]));
  assert.is(losses.length, 4);
  // It starts at chance, log 3, and ends far below.
  assert.ok(Math.abs(losses[0] - Math.log(3)) < 0.1, out);
  assert.ok(losses[3] < 0.1, out);
  const [, right, all] = out.match(/^(\d+) of (\d+) unseen pictures told right$/m) ?? [];
  assert.ok(Number(all) === 60 && Number(right) >= 54, out);
  assert.match(out, /^conv2 +Conv2d 3x3, stride 2 +60x16x8x8 +1,168 /m);
});

test('xor is learnt', () => {
  const said = [...run('xor').matchAll(/^(\d) xor (\d): (\S+)$/gm)];
  assert.is(said.length, 4);
  for (const [line, a, b, value] of said) assert.ok(Math.abs(Number(value) - (Number(a) ^ Number(b))) < 0.1, line);
});

test('inspect_gradients: they vanish through sigmoids, and less through what is steep at 0', () => {
  const out = run('inspect_gradients');
  const ratio = (name: string): number =>
    Number(out.match(new RegExp(`^${name}: (?:\\S+ ?){10}\\n +first layer against last: (\\S+)$`, 'm'))?.[1]);
  // A sigmoid's slope is a quarter at most: through nine of them at most 4^-9 = 4e-6 of a tanh's.
  assert.ok(ratio('sigmoid') < 1e-6 && ratio('sigmoid') > 0, out);
  assert.ok(ratio('tanh') > 1e-3 && ratio('elu') > 1e-3, out);
  // One gradient whole: both ends of its range, a bar of 24 bins between them, and nothing that is not finite.
  for (const what of ['output, f32 64x32', 'weight, f32 32x32']) {
    const [, min, bars, max] =
      out.match(
        new RegExp(`^gradient by the first ${what}:\\n  (\\S+) \\|(.{24})\\| (\\S+)\\n  .*; 0 NaN, 0 infinite`, 'm'),
      ) ?? [];
    assert.ok(Number(min) < 0 && Number(max) > 0 && bars?.includes('█'), out);
  }
});

test("read_pytorch gives PyTorch's answer", () => {
  // Written and answered by examples/save_net.py, PyTorch 1.13 on a CPU.
  const out = run('read_pytorch', ['test/golden/checkpoints/net.pth']);
  assert.match(out, /^4\.weight \[3, 64\], first 0\.00657/m);
  const answer =
    out
      .match(/^answer (.*)$/m)?.[1]
      .split(' ')
      .map(Number) ?? [];
  const truth = [-0.05667, -0.14175, -0.06121];
  assert.is(answer.length, 3);
  // What is printed has five digits.
  answer.forEach((v, i) => {
    assert.ok(Math.abs(v - truth[i]) < 2e-5, out);
  });
});

/** Debian's package is installed, was fetched, or can be. */
const clothes =
  ['', 'build/fashion-mnist'].some((at) => existsSync(`${at}/usr/share/datasets/fashion-mnist`)) ||
  spawnSync('apt-get', ['-qq', 'download', '--print-uris', 'dataset-fashion-mnist']).status === 0;

(clothes ? test : test.skip)('fashion_mnist: twenty steps tell most clothes apart', () => {
  const out = run('fashion_mnist', ['1', '2560']);
  // Of ten classes; 73 % where this was written.
  assert.ok(Number(out.match(/^(\S+) % of 10000 test pictures are told right$/m)?.[1]) > 60, out);
});

test('own_faces learns two labels of its own from a dozen drawn faces', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'own-faces-'));
  try {
    await writeSyntheticFolders({ out: join(dir, 'drawn'), n: 42, validation: 14, size: 112 });
    for (const part of ['train', 'val']) {
      mkdirSync(join(dir, 'faces', part), { recursive: true });
      cpSync(join(dir, 'drawn', part, 'Happy'), join(dir, 'faces', part, 'grin'), { recursive: true });
      cpSync(join(dir, 'drawn', part, 'Surprise'), join(dir, 'faces', part, 'gasp'), { recursive: true });
    }
    // Nothing is left in the user's cache; the driver is the machine's.
    mkdirSync(join(dir, 'cache/emotion-gcn'), { recursive: true });
    const driver = join(cacheDir(), 'lavapipe');
    if (existsSync(driver)) symlinkSync(driver, join(dir, 'cache/emotion-gcn/lavapipe'));
    const out = run('own_faces', [join(dir, 'faces'), join(dir, 'run'), '3'], { XDG_CACHE_HOME: join(dir, 'cache') });
    assert.is([...out.matchAll(/^epoch \d: accuracy [\d.]+$/gm)].length, 3, out);
    assert.ok(Number(out.match(/^best accuracy (\S+)$/m)?.[1]) >= 0.9, out);
    assert.match(out, /^classes gasp, grin$/m);
    assert.is([...out.matchAll(/^\S+val\S+(grin|gasp)\S+\.jpg: (grin|gasp)$/gm)].length, 4, out);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.run();
