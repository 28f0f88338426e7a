// npm run bench:check [-- FILTER] [--update] [--folder bench] [--gpu ID]
// Has a kernel or a step become slower? Each is measured in turn with a naive kernel that never changes; their ratio, which a
// slow hour of the machine does not change much, is held against bench/baseline.<adapter>.json. A loss of over 25 % that two more
// measurements confirm is reported, exit code 1. --update writes the baseline (of the works that FILTER chooses).
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InputError } from '../../src/base/errors';
import type { Device } from '../../src/device';
import { openDevice } from '../../src/device/node';
import { choose } from '../../src/kernels/variant';
import { median, timeOnce } from '../measure';
import { program } from '../program';
import { prepareStep, type StepWork, stepWorks } from '../steps';
import { kernelWorks, Operands, type Work } from '../works';
import { type Baseline, baselineFile, LOSS, lost, readBaseline, writeBaseline } from './baseline';
import { ratio, Yardsticks } from './yardstick';

const ROUNDS = 7;
const STEP_ROUNDS = 3;
const YARDS_A_STEP = 300;
/** How often a loss is measured again before it is believed. */
const DOUBTS = 2;
const STEPS = ['step emotion_gcn densenet 112 b8', 'step emotion_gcn bregnext 64 b16'];

type Measure = () => Promise<number>;

program(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      update: { type: 'boolean', default: false },
      folder: { type: 'string', default: 'bench' },
      gpu: { type: 'string' },
    },
  });
  const filter = positionals.join(' ');
  const device = await openDevice({ gpu: values.gpu });
  try {
    const adapter = device.info.description || device.info.device;
    const file = baselineFile(values.folder, adapter);
    const before = values.update && !existsSync(file) ? null : readBaseline(file);
    const yards = new Yardsticks(device);
    const works = [
      ...stepWorks
        .filter((w) => STEPS.includes(w.name))
        .map((w) => [w.name, () => measureStep(device, w, yards)] as const),
      ...spread(kernelWorks(device)).map((w) => [w.name, () => measureKernel(device, w, yards)] as const),
    ].filter(([name]) => name.includes(filter));
    if (works.length === 0) throw new InputError(`no work has "${filter}" in its name; npm run bench:check shows all`);
    const ratios: Record<string, number> = {};
    const losses: string[] = [];
    for (const [name, measure] of works) {
      const known = before?.ratios[name];
      ratios[name] = await measured(measure, values.update ? undefined : known);
      const change = known === undefined ? 'new' : `${((100 * ratios[name]) / known - 100).toFixed(0)} %`;
      console.log(`${name.padEnd(58)}${ratios[name].toFixed(2).padStart(9)}${change.padStart(9)}`);
      if (known !== undefined && lost(ratios[name], known)) losses.push(name);
    }
    yards.free();
    if (values.update)
      update(file, { adapter, variant: choose(device).variant, ratios: { ...before?.ratios, ...ratios } });
    else report(losses, works.length, file);
  } finally {
    device.destroy();
  }
});

function update(file: string, baseline: Baseline): void {
  writeBaseline(file, baseline);
  console.log(`written: ${file}`);
}

function report(losses: readonly string[], all: number, file: string): void {
  console.log(`${losses.length} of ${all} works lost more than ${100 * LOSS} % against ${file}`);
  for (const name of losses) console.log(`  ${name}`);
  if (losses.length > 0) process.exitCode = 1;
}

/** The best of up to three measurements, the second and third only where the first shows a loss. */
async function measured(measure: Measure, known: number | undefined): Promise<number> {
  let best = await measure();
  for (let doubt = 0; doubt < DOUBTS && known !== undefined && lost(best, known); doubt++)
    best = Math.max(best, await measure());
  return best;
}

async function measureKernel(device: Device, work: Work, yards: Yardsticks): Promise<number> {
  const yard = yards.for(work);
  const operands = new Operands(device);
  const { run } = work.prepare(operands);
  for (const warm of [run, yard.run]) await timeOnce(device, warm);
  const ratios: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const [ms, yardMs] = [await timeOnce(device, run), await timeOnce(device, yard.run)];
    ratios.push(ratio(work, ms, yard, yardMs));
  }
  operands.free();
  return median(ratios);
}

async function measureStep(device: Device, work: StepWork, yards: Yardsticks): Promise<number> {
  const { run, flop } = prepareStep(device, work);
  const yard = yards.for({ flop });
  await run();
  await timeOnce(device, yard.run);
  const ratios: number[] = [];
  for (let i = 0; i < STEP_ROUNDS; i++) {
    // By the wall clock both, and about as long: other programs take their share of either.
    const yardMs = await wallMs(async () => {
      for (let k = 0; k < YARDS_A_STEP; k++) yard.run();
      await device.wait();
    });
    ratios.push(ratio({ flop, bytes: 0 }, await wallMs(run), yard, yardMs / YARDS_A_STEP));
  }
  return median(ratios);
}

async function wallMs(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Of each kind of work the first, the middle and the last shape: most of what can go wrong in a tenth of the time. */
function spread(works: readonly Work[]): Work[] {
  const families = [...new Set(works.map((w) => w.family))];
  return families.flatMap((family) => {
    const alike = works.filter((w) => w.family === family);
    const places = [0, alike.length >> 1, alike.length - 1];
    return [...new Set(places)].map((i) => alike[i]);
  });
}
