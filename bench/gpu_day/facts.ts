// What the machine and its adapter are, whether it computes right, and how fast it is at most. Exit 1 for wrong results.
import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { selfCheck } from '../../src/cli/self_check';
import { Device } from '../../src/device';
import { listAdapters, openDevice, requestAdapter } from '../../src/device/node';
import { measurePeaks } from '../../src/kernels/peaks';
import { choose, variantsOf } from '../../src/kernels/variant';
import { packageVersion } from '../../src/train/run/package_version';
import { program } from '../program';

const tell = (row: object): void => console.log(JSON.stringify(row));

/** What nvidia-smi says, where there is one. */
function nvidia(): Record<string, string> | null {
  const fields = ['name', 'driver_version', 'memory.total', 'memory.used', 'clocks.sm', 'clocks.max.sm', 'clocks.mem'];
  const asked = [
    ...fields,
    'power.draw',
    'power.limit',
    'temperature.gpu',
    'pcie.link.gen.current',
    'pcie.link.width.current',
  ];
  const { stdout, status } = spawnSync('nvidia-smi', [`--query-gpu=${asked.join(',')}`, '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (status !== 0) return null;
  const cells = stdout.trim().split('\n')[0].split(', ');
  return Object.fromEntries(asked.map((name, i) => [name, cells[i]]));
}

/** Milliseconds until a device has answered. The driver is there by now: what fetches one does so once. */
async function opening(gpu: string | undefined): Promise<number> {
  const start = performance.now();
  const device = await openDevice({ gpu });
  await device.read(device.none);
  device.destroy();
  return performance.now() - start;
}

program(async () => {
  const loaded = performance.now();
  const { values } = parseArgs({ options: { gpu: { type: 'string' } } });
  const processor = cpus();
  tell({
    ...{ fact: 'machine', system: `${process.platform}-${process.arch} ${release()}`, node: process.versions.node },
    ...{ version: packageVersion('emotion-gcn', import.meta.url), cores: processor.length, cpu: processor[0]?.model },
    ...{ memory_bytes: totalmem(), nvidia: nvidia(), adapters: await listAdapters() },
  });
  const found = await requestAdapter({ gpu: values.gpu });
  const device = await Device.create(found.adapter, { software: found.software });
  const { variant, lanes } = choose(device);
  tell({
    ...{ fact: 'adapter', name: found.name, software: device.software, info: device.info },
    ...{ features: [...found.adapter.features].sort(), used: [...device.features].sort(), limits: device.limits },
    ...{ variant, lanes, variants: variantsOf(device) },
  });
  tell({ fact: 'ready', ready_s: (loaded + (await opening(values.gpu))) / 1000 });
  const checks = await selfCheck(device);
  for (const { name, error, gflops } of checks)
    tell({ fact: 'check', name: name.trim(), error, gflops: gflops ?? null });
  tell({ fact: 'peaks', ...(await measurePeaks(device)) });
  device.destroy();
  if (checks.some((c) => c.error !== 0)) throw new Error('wrong results: see the checks');
});
