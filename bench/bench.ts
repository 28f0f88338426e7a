// npm run bench -- launches|predict [--network NAME] [--image_size N] [--batch_size N] [--json]: launches.ts, predict.ts
// npm run bench [-- FILTER] [--json] [--out FOLDER] [--variant subgroup|tiled|plain|'tiled 64x64x16'] [--precision f32|f16] [--gpu ID] [--repeat N] [--seconds N]
// Kernels by the GPU's clock, steps by the wall clock, each against the roofline of the adapter's own peaks.
// No work is begun after --seconds. FILTER: part of a work's name, such as `step` or `conv forward`; `faces` alone is faces.ts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import type { Device } from '../src/device';
import { openDevice } from '../src/device/node';
import { measurePeaks, type Peaks } from '../src/kernels/peaks';
import { choose, forceVariant } from '../src/kernels/variant';
import { compareFaces } from './faces';
import { byOp, chosenSteps, launchesOfStep, launchTable, totalOf } from './launches';
import { count, summary, type Timing, timeInTurn } from './measure';
import { predictions, predictionTable } from './predict';
import { program } from './program';
import { boundMs, drawRoofline, type Placed } from './roofline';
import { prepareStep, type StepWork, stepWorks } from './steps';
import { kernelWorks, Operands, type Work } from './works';

interface Row extends Placed {
  readonly least: number;
  readonly peakBytes: number;
}

program(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      variant: { type: 'string' },
      gpu: { type: 'string' },
      repeat: { type: 'string', default: '7' },
      seconds: { type: 'string' },
      precision: { type: 'string', default: 'f32' },
      network: { type: 'string' },
      image_size: { type: 'string' },
      batch_size: { type: 'string' },
    },
  });
  const filter = positionals.join(' ');
  const repeat = count('repeat', values.repeat);
  const end = values.seconds ? performance.now() + 1000 * count('seconds', values.seconds) : Number.POSITIVE_INFINITY;
  const { precision } = values;
  if (precision !== 'f32' && precision !== 'f16')
    throw new InputError(`--precision expects f32 or f16, found ${precision}`);
  if (filter === 'predict') {
    const rows = await predictions(chosenSteps(values));
    for (const line of values.json ? rows.map((r) => JSON.stringify(r)) : predictionTable(rows)) console.log(line);
    return;
  }
  const device = await openDevice({ gpu: values.gpu });
  try {
    forceVariant(device, values.variant ?? null);
    if (filter === 'launches') {
      for (const work of chosenSteps(values)) {
        const launches = launchesOfStep(device, work, precision);
        const head = { work: work.name, precision, variant: values.variant ?? choose(device).variant };
        if (values.json) console.log(JSON.stringify({ ...head, ...totalOf(launches), ops: byOp(launches) }));
        else console.log([Object.values(head).join(', '), ...launchTable(launches), ''].join('\n'));
      }
      return;
    }
    if (filter === 'faces') return await compareFaces(device, { json: values.json, repeat });
    const steps = stepWorks.filter((w) => w.name.includes(filter));
    const kernels = kernelWorks(device).filter((w) => w.name.includes(filter));
    if (steps.length + kernels.length === 0)
      throw new InputError(`no work has "${filter}" in its name; npm run bench shows all`);
    const adapter = device.info.description || device.info.device;
    const variant = values.variant ?? choose(device).variant;
    const peaks = await measurePeaks(device);
    if (!values.json) printHead(adapter, variant, peaks, repeat);
    const rows: Row[] = [];
    const report = (row: Row): void => {
      rows.push(row);
      if (values.json) console.log(JSON.stringify(jsonRow(row, adapter, variant)));
      else console.log(tableRow(row));
    };
    for (const work of steps)
      if (performance.now() < end) report(await measureStep(device, work, precision, peaks, repeat));
    for (const work of kernels) if (performance.now() < end) report(await measureKernel(device, work, peaks, repeat));
    const late = steps.length + kernels.length - rows.length;
    if (late > 0) console.error(`${late} works not reached in time`);
    if (values.out) {
      mkdirSync(values.out, { recursive: true });
      const { svg, png } = await drawRoofline(rows, peaks, `${adapter}, ${variant} kernels`);
      writeFileSync(join(values.out, 'roofline.svg'), svg);
      writeFileSync(join(values.out, 'roofline.png'), png);
    }
  } finally {
    device.destroy();
  }
});

async function measureStep(
  device: Device,
  work: StepWork,
  precision: 'f32' | 'f16',
  peaks: Peaks,
  repeat: number,
): Promise<Row> {
  const { run, flop } = prepareStep(device, work, precision);
  await run();
  await run();
  device.pool.resetPeak();
  const times: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  const family = work.training ? 'step' : 'inference';
  return row(
    { name: precision === 'f16' ? `${work.name} f16` : work.name, family, flop, bytes: 0 },
    summary(times),
    peaks,
    device.stats().peak,
  );
}

async function measureKernel(device: Device, work: Work, peaks: Peaks, repeat: number): Promise<Row> {
  const operands = new Operands(device);
  const { run } = work.prepare(operands);
  device.pool.resetPeak();
  const [times] = await timeInTurn(device, [run], repeat);
  const { peak } = device.stats();
  operands.free();
  return row(work, summary(times), peaks, peak);
}

const row = (
  work: Pick<Work, 'name' | 'family' | 'flop' | 'bytes'>,
  t: Timing,
  peaks: Peaks,
  peakBytes: number,
): Row => {
  const { name, family, flop, bytes } = work;
  return { name, family, flop, bytes, ms: t.median, least: t.least, bound: boundMs(work, peaks), peakBytes };
};

function printHead(
  adapter: string,
  variant: string,
  { gflops, gbps, dispatchMicroseconds }: Peaks,
  repeat: number,
): void {
  console.log(`adapter: ${adapter}; ${variant} kernels; median of ${repeat} (best)`);
  console.log(
    `its peaks: ${gflops.toFixed(0)} GFLOP/s multiply-add, ${gbps.toFixed(1)} GB/s copy, ${dispatchMicroseconds.toFixed(1)} us a dispatch`,
  );
  console.log(
    `${'work'.padEnd(50)}${'ms'.padStart(18)}${'GFLOP/s'.padStart(9)}${'GB/s'.padStart(7)}${'of bound'.padStart(10)}${'peak MiB'.padStart(10)}`,
  );
}

function tableRow({ name, flop, bytes, ms, least, bound, peakBytes }: Row): string {
  const rate = (v: number): string => (v ? (v / ms / 1e6).toFixed(1) : '');
  const time = `${ms.toFixed(2)} (${least.toFixed(2)})`;
  const share = `${((100 * bound) / ms).toFixed(0)} %`;
  const mib = (peakBytes / 2 ** 20).toFixed(0);
  return `${name.padEnd(50)}${time.padStart(18)}${rate(flop).padStart(9)}${rate(bytes).padStart(7)}${share.padStart(10)}${mib.padStart(10)}`;
}

const jsonRow = ({ name, flop, bytes, ms, bound, peakBytes }: Row, adapter: string, variant: string) => ({
  work: name,
  adapter,
  variant,
  ms,
  gflops: flop ? flop / ms / 1e6 : null,
  gbps: bytes ? bytes / ms / 1e6 : null,
  bound_ms: bound,
  share: bound / ms,
  peak_bytes: peakBytes,
});
