// Training steps of one network and image at a batch and its multiples, activations as f32 and f16: by the wall clock, by the GPU's
// own, and the memory that they take.
import { parseArgs } from 'node:util';
import { openDevice } from '../../src/device/node';
import { idleShare, opTimes } from '../../src/train/profile/profile_table';
import { count, summary } from '../measure';
import { program } from '../program';
import { type PreparedStep, prepareStep } from '../steps';
import { withoutF16 } from './f16';
import { SIZE_OPTIONS, type Size, sizeOf } from './sizes';

/** The batch, and larger ones. */
const TIMES = [1, 2, 4, 8];
/** Steps that are timed at most, and at least. */
const [MOST, LEAST] = [30, 3];
/** Ops that are told of a step. */
const OPS = 12;

interface Timed {
  readonly wall: number[];
  /** Of a step, until it was recorded. */
  readonly javascript: number[];
}

/** Steps until `end`, at least LEAST. */
async function timeSteps({ run }: PreparedStep, end: number): Promise<Timed> {
  const timed: Timed = { wall: [], javascript: [] };
  while (timed.wall.length < LEAST || (timed.wall.length < MOST && performance.now() < end)) {
    const start = performance.now();
    const result = run();
    timed.javascript.push(performance.now() - start);
    await result;
    timed.wall.push(performance.now() - start);
  }
  return timed;
}

async function measure(size: Size, precision: 'f32' | 'f16', gpu: string | undefined, end: number): Promise<object> {
  const { network, batch } = size;
  const name = `step emotion_gcn ${network} ${size.size} b${batch}`;
  // A device of its own: nothing that an earlier size left behind is counted.
  const device = await openDevice({ gpu });
  try {
    const without = precision === 'f16' ? withoutF16(device) : null;
    if (without !== null) return { work: name, precision, left_out: without };
    const begin = performance.now();
    const step = prepareStep(device, { name, ...size, training: true }, precision);
    const planned = step.bytes();
    if (planned > device.pool.budget)
      return { work: name, precision, left_out: `${planned} bytes are more than there is` };
    await device.prepare();
    const compile = performance.now() - begin;
    const [loss] = await step.run();
    await step.run();
    device.pool.resetPeak();
    const before = device.stats();
    const { wall, javascript } = await timeSteps(step, end);
    const { peak, held, dispatches, buffers, bindGroups, pipelines } = device.stats();
    const created = buffers + bindGroups + pipelines - before.buffers - before.bindGroups - before.pipelines;
    device.beginProfile();
    await step.run();
    const launches = await device.endProfile();
    const ms = summary(wall);
    return {
      ...{ work: name, precision, batch, ms: ms.median, least_ms: ms.least, steps: wall.length },
      ...{ images_per_s: (1000 * batch) / ms.median, gflops: step.flop / ms.median / 1e6 },
      ...{ javascript_ms: summary(javascript).median, first_ms: compile, loss },
      ...{ launches: (dispatches - before.dispatches) / wall.length, created },
      ...{ planned_bytes: planned, peak_bytes: peak, held_bytes: held },
      gpu_ms: launches.length > 0 ? launches.reduce((sum, l) => sum + l.milliseconds, 0) : null,
      gpu_idle: launches.length > 0 ? idleShare(launches) : null,
      ops: opTimes(launches).slice(0, OPS),
    };
  } finally {
    device.destroy();
  }
}

program(async () => {
  const { values } = parseArgs({ options: SIZE_OPTIONS });
  const size = sizeOf(values);
  const start = performance.now();
  const end = start + 1000 * count('seconds', values.seconds);
  const cases = TIMES.flatMap((times) => (['f32', 'f16'] as const).map((precision) => ({ times, precision })));
  for (const [i, { times, precision }] of cases.entries()) {
    const own = { ...size, batch: times * size.batch };
    const left = end - performance.now();
    // Four times the batch wants four times the time; of the first both precisions are always told.
    if (left <= 0 && times > 1) return console.error(`${cases.length - i} sizes not reached in time`);
    try {
      console.log(
        JSON.stringify(await measure(own, precision, values.gpu, performance.now() + left / (cases.length - i))),
      );
    } catch (error) {
      // The smallest must run; where a larger one ends is a finding.
      if (times === 1) throw error;
      const work = `step emotion_gcn ${own.network} ${own.size} b${own.batch}`;
      return console.log(JSON.stringify({ work, precision, left_out: (error as Error).message }));
    }
  }
});
