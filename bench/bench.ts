// npm run bench [-- FILTER] [--json] [--variant subgroup|tiled|plain|'tiled 64x64x16'] [--gpu ID] [--repeat N]
// Kernels by the GPU's clock, steps by the wall clock. FILTER: part of a work's name, such as `step` or `conv forward`.
import { parseArgs } from 'node:util';
import { InputError, MachineError } from '../src/device';
import { openDevice } from '../src/device/node';
import { choose, forceVariant } from '../src/kernels/variant';
import { kernelWorks } from './kernels';
import { summary, type Timing, timeWork } from './measure';
import { prepareStep, stepWorks } from './steps';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      variant: { type: 'string' },
      gpu: { type: 'string' },
      repeat: { type: 'string', default: '7' },
    },
  });
  const filter = positionals.join(' ');
  const repeat = Math.max(1, Number(values.repeat) || 7);
  const device = await openDevice({ gpu: values.gpu });
  forceVariant(device, values.variant ?? null);
  const adapter = device.info.description || device.info.device;
  const { variant } = choose(device);
  if (!values.json) {
    console.log(`adapter: ${adapter}; ${variant} kernels; median of ${repeat} (best)`);
    console.log(
      `${'work'.padEnd(58)}${'ms'.padStart(18)}${'GFLOP/s'.padStart(10)}${'GB/s'.padStart(8)}${'peak MiB'.padStart(10)}`,
    );
  }
  const report = (work: string, { median, least }: Timing, flop: number, bytes: number, peak: number): void => {
    const gflops = flop / median / 1e6;
    const gbps = bytes / median / 1e6;
    if (values.json) {
      const row = {
        work,
        adapter,
        variant,
        ms: median,
        gflops: flop ? gflops : null,
        gbps: bytes ? gbps : null,
        peak_bytes: peak,
      };
      console.log(JSON.stringify(row));
      return;
    }
    const ms = `${median.toFixed(2)} (${least.toFixed(2)})`;
    const rate = (v: number, on: number): string => (on ? v.toFixed(1) : '');
    console.log(
      `${work.padEnd(58)}${ms.padStart(18)}${rate(gflops, flop).padStart(10)}${rate(gbps, bytes).padStart(8)}${(peak / 2 ** 20).toFixed(0).padStart(10)}`,
    );
  };

  let found = 0;
  for (const work of stepWorks.filter((w) => w.name.includes(filter))) {
    found++;
    const { run, flop } = prepareStep(device, work);
    await run();
    await run();
    device.pool.resetPeak();
    const times: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
    report(work.name, summary(times), flop, 0, device.stats().peak);
  }
  for (const work of kernelWorks.filter((w) => w.name.includes(filter))) {
    found++;
    const run = work.prepare(device);
    device.pool.resetPeak();
    const timing = await timeWork(device, run, repeat);
    report(work.name, timing, work.flop, work.bytes, device.stats().peak);
  }
  device.destroy();
  if (found === 0) throw new InputError(`no work has "${filter}" in its name; npm run bench shows all`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode =
    error instanceof InputError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  if (process.exitCode === 1 && !(error instanceof MachineError)) console.error(error.stack);
});
