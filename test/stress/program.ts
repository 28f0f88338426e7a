// A process that is stressed in the way of its first argument, run with --expose-gc; closes with a line of JSON.
import { Worker } from 'node:worker_threads';
import { openDevice } from '../../src/engine_node';
import { type Held, held } from './held';
import { STEPS, Training } from './training';

/** Samples of what is held, at equal distances; the first once all is warm. */
const SAMPLES = process.env.WHOLE === '1' ? 5 : 2;

/** What became of a process that did something again and again. */
export interface Flat {
  /** What it held at the first sample, and at the last. */
  readonly early: Held;
  readonly late: Held;
  /** Bytes at each sample. */
  readonly heap: readonly number[];
  readonly rss: readonly number[];
}

async function repeat(times: number, once: (i: number) => Promise<unknown>, besides = (): Held => ({})): Promise<Flat> {
  const samples: Awaited<ReturnType<typeof held>>[] = [];
  for (let i = 1; i <= times; i++) {
    await once(i);
    if (i < Math.round(((samples.length + 1) * times) / SAMPLES)) continue;
    const sample = await held();
    samples.push({ ...sample, counts: { ...sample.counts, ...besides() } });
  }
  return {
    early: samples[0].counts,
    late: samples[SAMPLES - 1].counts,
    heap: samples.map(({ heap }) => heap),
    rss: samples.map(({ rss }) => rss),
  };
}

/** Steps of one training. */
async function steps(times: number): Promise<Flat> {
  const training = new Training(await openDevice());
  const { device } = training;
  return repeat(
    times,
    (i) => training.step(i),
    () => {
      const { live, held, buffers, bindGroups, pipelines, uniformBytes } = device.stats();
      return { live, held, buffers, bindGroups, pipelines, uniformBytes };
    },
  );
}

/** Devices one after the other, each of which trains. */
const devices = (times: number): Promise<Flat> =>
  repeat(times, async () => {
    const training = new Training(await openDevice());
    await training.run(STEPS);
    training.device.destroy();
  });

/** Graphs that nobody walks. */
async function tapes(times: number): Promise<Flat> {
  const training = new Training(await openDevice());
  const { device } = training;
  return repeat(
    times,
    (i) => {
      training.loss(i);
      return device.wait();
    },
    () => ({ live: device.stats().live }),
  );
}

/** A thread that ends in this way, after the main thread has opened a device or without; then the main thread trains. */
async function thread(ending: string, before = 'opened'): Promise<{ told: unknown[]; bits: string }> {
  const training = before === 'opened' && new Training(await openDevice());
  const told: unknown[] = [];
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: ending });
  worker.on('message', (message) => told.push(message));
  worker.on('error', ({ name, message }) => told.push({ name, message }));
  const code = await new Promise((done) => worker.on('exit', done));
  told.push({ code });
  return { told, bits: training ? await training.run(STEPS) : '' };
}

const [what, ...rest] = process.argv.slice(2);
const count = Number(rest[0]);
const stressed = {
  steps: () => steps(count),
  devices: () => devices(count),
  tapes: () => tapes(count),
  thread: () => thread(rest[0], rest[1]),
}[what];
console.log(JSON.stringify(await stressed?.()));
