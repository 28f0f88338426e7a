// Is the GPU fed? A training that decodes its JPEG files in every step, and one that has them in the cache: images a second and the
// share of the time in which the GPU idles.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TrainHooks } from '../../src/train/loop/events';
import { Trainer } from '../../src/train/loop/trainer';
import { count, median } from '../measure';
import { program } from '../program';
import { SIZE_OPTIONS, sizeOf } from './sizes';
import { drawnFaces } from './training';

/** Of an epoch: ten to warm up, 16 that are profiled (`Profile`), some to measure the pace. */
const STEPS = 40;
/** The pace is of these last, which nothing profiles. */
const PACED = 10;

program(async () => {
  const { values } = parseArgs({ options: { ...SIZE_OPTIONS, steps: { type: 'string', default: String(STEPS) } } });
  const size = sizeOf(values);
  const steps = count('steps', values.steps);
  const { dir, args } = await drawnFaces(size, steps, values.gpu);
  for (const cache of ['off', join(dir, 'cache')]) {
    const run = cache === 'off' ? 'decoding' : 'cached';
    const stop = new AbortController();
    const times: number[] = [];
    const onStep: TrainHooks['onStep'] = ({ phase }) => {
      if (phase === 'train') times.push(performance.now());
      if (times.length === steps) stop.abort();
    };
    await new Trainer(args(run, { cache }), { hooks: { onStep }, profile: true }).run(stop.signal);
    const file = join(dir, run, 'profile.json');
    const { idle, ops } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { idle: null, ops: [] };
    const paced = times.slice(-Math.min(PACED, steps - 1) - 1);
    const ms = median(paced.slice(1).map((t, i) => t - paced[i]));
    console.log(
      JSON.stringify({
        ...{ work: `train emotion_gcn ${size.network} ${size.size} b${size.batch}`, faces: run, steps: times.length },
        ...{ step_ms: ms, images_per_s: (1000 * size.batch) / ms, gpu_idle: idle, ops: ops.slice(0, 12) },
      }),
    );
  }
});
