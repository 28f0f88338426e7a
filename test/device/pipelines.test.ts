import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Device, defineKernel, type Kernel } from '../../src/device';
import { openDevice } from '../../src/device/node';
import axes from '../../src/kernels/launch/axes.wgsl';
import { uncaptured } from '../attended';
import { mockDevice } from '../mock_gpu';

const test = suite('pipelines');

const main = `@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1)
fn main() { y[0] = N + place(5u, 2u, 1u, 2u, 3u).w; }`;
const good = (name: string): Kernel => defineKernel(name, axes, main);

/** A kernel of two texts with an error in the file, and the place of it. */
const lineOfFile =
  readFileSync('src/kernels/launch/axes.wgsl', 'utf8')
    .split('\n')
    .findIndex((l) => l.includes('let q3')) + 1;
const badFile = defineKernel('bad', axes.replace('let q3 = i', 'let q3 = nonsense'), main);
const badPart = defineKernel('bad_part', axes, main.replace('N +', 'nothing +'));

const launch = (device: Device, kernel: Kernel, N = 1): void => {
  const y = device.alloc(4, 'y');
  device.dispatch(kernel, { buffers: { y }, constants: { N, UNUSED: true }, workgroups: [1] });
};

async function messageOf(fn: () => unknown): Promise<string> {
  try {
    await fn();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

test('prepare makes what the last dry run would have used, once, and the run makes no more', async () => {
  const { device, gpu } = await mockDevice();
  const [a, b, c] = ['a', 'b', 'c'].map(good);
  const work = (): void => {
    for (const N of [1, 2, 1]) launch(device, a, N);
    launch(device, b);
  };
  device.dryRun(() => launch(device, c));
  device.dryRun(work);
  assert.is(gpu.created.pipelines, 0);
  await device.prepare();
  assert.equal([gpu.created.pipelines, gpu.created.asyncPipelines, device.stats().pipelines], [3, 3, 3]);
  work();
  await device.prepare();
  assert.is(gpu.created.pipelines, 3);
  assert.equal(gpu.errors, []);
});

test('a kernel that does not compile: file, line and text, from prepare, from the first wait and ever after', async () => {
  const { device } = await mockDevice();
  const bad = defineKernel('k', axes.replace('let q3 = i', 'let q3 = #error no such name; i'), main);
  const expected = new RegExp(
    `^kernel k does not compile: src/kernels/launch/axes.wgsl:${lineOfFile}:\\d+: no such name`,
  );
  device.dryRun(() => launch(device, bad));
  assert.match(await messageOf(() => device.prepare()), expected);
  launch(device, bad);
  assert.match(await messageOf(() => device.wait()), expected);
  assert.match(await messageOf(() => launch(device, bad)), expected);
  assert.equal(await uncaptured(), ['pass: no pipeline or bind group']);
  launch(device, good('other'));
  await device.wait();
});

for (const [what, kernel, place] of [
  [
    'in a file',
    badFile,
    new RegExp(
      `kernel bad does not compile: src/kernels/launch/axes.wgsl:${lineOfFile}:12: .*nonsense.*\n  let q3 = nonsense`,
      's',
    ),
  ],
  [
    'in a text without a file',
    badPart,
    /kernel bad_part does not compile: bad_part\[1\]:3:20: .*nothing.*\n {2}fn main\(\) \{ y\[0\] = nothing/s,
  ],
] as const)
  test(`the adapter's own compiler: an error ${what}`, async () => {
    const own = await openDevice();
    own.dryRun(() => launch(own, kernel));
    assert.match(await messageOf(() => own.prepare()), place);
    launch(own, kernel);
    assert.match(await messageOf(() => own.wait()), place);
    assert.match(await messageOf(() => launch(own, kernel)), place);
    assert.match((await uncaptured()).join(), 'Invalid ComputePipeline');
    own.dryRun(() => launch(own, good('fine')));
    await own.prepare();
    const y = own.alloc(4, 'y');
    own.dispatch(good('fine'), { buffers: { y }, constants: { N: 1, UNUSED: true }, workgroups: [1] });
    assert.equal(Array.from(new Uint32Array(await own.read(y))), [3]);
    own.destroy();
  });

test.run();
