// What is done again and again leaves as much as what was done the first times. `npm run test:stress` tries it for long.
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDevice } from '../../src/engine_node';
import { bundleInto } from '../bundled';
import { given } from '../given';
import { slope } from './held';
import type { Flat } from './program';
import { STEPS, Training } from './training';

const test = suite('stress: flat');
const WHOLE = process.env.WHOLE === '1';
const out = resolve(`build/stress-${process.pid}`);

test.before(() => bundleInto(out, { program: 'test/stress/program.ts', thread: 'test/stress/thread.ts' }));
test.after(() => rmSync(out, { recursive: true, force: true }));

/** What a process of its own tells that is stressed so. */
async function stressed<T>(args: readonly (string | number)[], env: NodeJS.ProcessEnv = {}): Promise<T> {
  // A warning of Node's would open the way to stderr in the midst of counting.
  const flags = ['--expose-gc', '--no-warnings', join(out, 'program.js'), ...args.map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env: { ...process.env, ...env } });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** Holds that memory grows by no more bytes each time: where it is done so often that what warms up, some 100 KiB, is less. */
function flat({ heap, rss }: Flat, times: number, most: { heap: number; rss: number }): void {
  if (!WHOLE) return;
  const each = times / heap.length;
  const grown = [heap, rss].map((bytes) => Math.round(slope(bytes) / each));
  const figures = `${times} times: each ${grown[0]} bytes of the heap, ${grown[1]} of the process`;
  console.log(figures);
  assert.ok(grown[0] <= most.heap && grown[1] <= most.rss, `${figures}\n${heap}\n${rss}`);
}

const KIB = 1024;
const [steps, devices, tapes] = WHOLE ? [10_000, 50, 1000] : [60, 4, 60];

test(`${steps} steps`, async () => {
  const found = await stressed<Flat>(['steps', steps]);
  assert.equal(found.late, found.early);
  // Tensors, gradients and nodes of one step are some 20 KiB of the heap.
  flat(found, steps, { heap: KIB, rss: KIB });
});

test(`${devices} devices, one after the other`, async () => {
  const found = await stressed<Flat>(['devices', devices]);
  assert.equal(found.late, found.early);
  // What each holds is 600 KiB of the heap and 1.6 MiB of its pool.
  flat(found, devices, { heap: 100 * KIB, rss: 500 * KIB });
});

test(`${tapes} graphs that nobody walks`, async () => {
  const found = await stressed<Flat>(['tapes', tapes]);
  for (const name of ['live', 'Tensor', 'fd', 'task']) assert.is(found.late[name], found.early[name], name);
  // When the collector comes is its own affair: where it comes late a graph has other memory than the one before, and more bind groups.
  flat(found, tapes, { heap: 4 * KIB, rss: 16 * KIB });
});

/** What is told of each way for a thread to end. */
const ENDINGS = {
  done: [{ code: 0 }],
  throw: [{ name: 'Error', message: 'boom' }, { code: 1 }],
  later: [{ name: 'Error', message: 'boom' }, { code: 1 }],
  exit: [{ code: 3 }],
};

test('a worker thread trains the same bits, and ends in the middle of a step without the process', async () => {
  const device = await openDevice();
  const bits = await new Training(device).run(STEPS);
  device.destroy();
  for (const [ending, told] of Object.entries(ENDINGS).slice(0, WHOLE ? 4 : 2))
    assert.equal(await stressed(['thread', ending]), { told: [{ bits }, ...told], bits }, ending);
});

given(
  test,
  process.platform === 'linux',
  'Vulkan loader',
)('a worker thread that would have to set a driver up says what to do', async () => {
  const VK_DRIVER_FILES = '/nonexistent.json';
  const found = stressed(['thread', 'done', 'alone'], { VK_DRIVER_FILES, VK_ICD_FILENAMES: VK_DRIVER_FILES });
  const message =
    'expected a driver, found none in this worker thread, which cannot set one up: call openDevice() on the main thread before';
  assert.equal(await found, { told: [{ name: 'InputError', message }, { code: 1 }], bits: '' });
});

test.run();
