// npm run bench:peers [-- FILTER] [--json] [--repeat N]
// The same works here, in TensorFlow.js (WebGPU backend, the same adapter) and in PyTorch (CPU, where python3 has it), one after
// the other in one run, all by the wall clock with a value read back. ratio = their time / ours: above 1 we are faster.
// TensorFlow.js is installed into the per-user cache, outside this package's dependencies. Its network is DenseNet-121 with a
// linear head; ours has the GCN head and the CCC loss on top.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Device } from '../../src/device';
import { openDevice } from '../../src/device/node';
import { cacheDir } from '../../src/device/node/cache';
import { kernelWorks } from '../kernels';
import { summary } from '../measure';
import { prepareStep, stepWorks } from '../steps';

const TFJS = '4.22.0';

interface Result {
  readonly work: string;
  readonly ms: number;
}

async function ours(device: Device, works: ReadonlySet<string>, repeat: number): Promise<Result[]> {
  const results: Result[] = [];
  const measure = async (work: string, once: () => Promise<unknown>): Promise<void> => {
    await once();
    const times: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const start = performance.now();
      await once();
      times.push(performance.now() - start);
    }
    results.push({ work, ms: summary(times).median });
  };
  for (const work of kernelWorks) {
    if (!works.has(work.name)) continue;
    const run = work.prepare(device);
    await measure(work.name, () => {
      run();
      return device.wait();
    });
  }
  for (const work of stepWorks) if (works.has(work.name)) await measure(work.name, prepareStep(device, work).run);
  return results;
}

/** Runs a peer. A private driver lies in no place that another process looks at, unless it is told. */
function lines(command: string, args: readonly string[]): Result[] {
  const driver = process.env.VK_DRIVER_FILES;
  const env = driver ? { ...process.env, LD_LIBRARY_PATH: join(dirname(driver), 'lib') } : process.env;
  const out = execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
    env,
  });
  return out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Result);
}

function tfjsFolder(): string {
  const folder = join(cacheDir(), 'peers');
  if (!existsSync(join(folder, 'node_modules/@tensorflow/tfjs-backend-webgpu'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const packages = [`@tensorflow/tfjs@${TFJS}`, `@tensorflow/tfjs-backend-webgpu@${TFJS}`];
    console.error(`installing ${packages.join(' ')} into ${folder}, once (about 300 MiB)`);
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages], { cwd: folder });
  }
  return folder;
}

async function main(): Promise<void> {
  const options = { json: { type: 'boolean', default: false }, repeat: { type: 'string', default: '5' } } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const [filter, repeat] = [positionals.join(' '), Number(values.repeat)];
  // Opening our device first sets up the driver, and its environment, for the other processes too.
  const device = await openDevice();
  const adapter = device.info.description || device.info.device;
  const peers: [string, () => Result[]][] = [
    [
      `tfjs-webgpu ${TFJS}`,
      () => lines(process.execPath, ['bench/peers/tfjs.mjs', tfjsFolder(), filter, String(repeat)]),
    ],
    ['torch cpu', () => lines('/usr/bin/python3', ['bench/peers/torch_cpu.py', filter, String(repeat)])],
  ];
  if (!values.json)
    console.log(
      `${'work'.padEnd(44)}${'ours, ms'.padStart(10)}  ${'peer'.padEnd(20)}${'ms'.padStart(10)}${'ratio'.padStart(8)}`,
    );
  for (const [peer, measure] of peers) {
    let theirs: Result[];
    try {
      theirs = measure();
    } catch (error) {
      console.error(`${peer} is skipped: ${(error as Error).message.split('\n')[0]}`);
      continue;
    }
    const mine = new Map((await ours(device, new Set(theirs.map((r) => r.work)), repeat)).map((r) => [r.work, r.ms]));
    for (const { work, ms } of theirs) {
      const own = mine.get(work);
      if (own === undefined) continue;
      const ratio = ms / own;
      if (values.json) console.log(JSON.stringify({ work, adapter, ours_ms: own, peer, peer_ms: ms, ratio }));
      else
        console.log(
          `${work.padEnd(44)}${own.toFixed(1).padStart(10)}  ${peer.padEnd(20)}${ms.toFixed(1).padStart(10)}${ratio.toFixed(1).padStart(8)}`,
        );
    }
  }
  device.destroy();
}

await main();
