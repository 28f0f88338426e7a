// Does memory stay flat? A training of --steps steps (1000), or of as many as there is time for: what the process and the device hold
// on the way. Exit 1 if it grows after the first fifth.
import { parseArgs } from 'node:util';
import type { Device, DeviceStats } from '../../src/device';
import type { TrainHooks } from '../../src/train/loop/events';
import { Trainer } from '../../src/train/loop/trainer';
import { count } from '../measure';
import { program } from '../program';
import { SIZE_OPTIONS, sizeOf } from './sizes';
import { drawnFaces } from './training';

/** Samples of a run, of which the first fifth warms up. */
const SAMPLES = 20;
const WARM = SAMPLES / 5;
/** How much the process may grow: a garbage collector takes its time. */
const [ROOM_BYTES, ROOM_SHARE] = [64 << 20, 0.1];

interface Sample extends Pick<DeviceStats, 'held' | 'buffers' | 'bindGroups' | 'pipelines' | 'uniformBytes'> {
  readonly step: number;
  readonly rss: number;
  readonly heap: number;
}

function sample(device: Device, step: number): Sample {
  const { held, buffers, bindGroups, pipelines, uniformBytes } = device.stats();
  const { rss, heapUsed } = process.memoryUsage();
  return { step, rss, heap: heapUsed, held, buffers, bindGroups, pipelines, uniformBytes };
}

/** What has grown; empty: nothing. */
function grown(samples: readonly Sample[]): string[] {
  const [warm, last] = [samples[Math.min(WARM, samples.length - 1)], samples[samples.length - 1]];
  const created = (['held', 'buffers', 'bindGroups', 'pipelines', 'uniformBytes'] as const).filter(
    (k) => last[k] > warm[k],
  );
  const faults = created.map((k) => `${k} from ${warm[k]} to ${last[k]}`);
  if (last.rss > warm.rss * (1 + ROOM_SHARE) + ROOM_BYTES)
    faults.push(`the process from ${warm.rss} to ${last.rss} bytes`);
  return faults;
}

program(async () => {
  const { values } = parseArgs({ options: { ...SIZE_OPTIONS, steps: { type: 'string', default: '1000' } } });
  const end = performance.now() + 1000 * count('seconds', values.seconds);
  const size = sizeOf(values);
  const wanted = count('steps', values.steps);
  const { args } = await drawnFaces(size, wanted + 1, values.gpu);
  const stop = new AbortController();
  const samples: Sample[] = [];
  let device: Device | null = null;
  let [steps, began] = [0, 0];
  const hooks: TrainHooks = {
    onDevice: (opened) => {
      device = opened;
    },
    onStep: ({ phase }) => {
      if (phase !== 'train' || !device || stop.signal.aborted) return;
      began ||= performance.now();
      steps++;
      const over = steps === wanted || performance.now() > end;
      // A short run is sampled more often: what it holds is told all the same.
      if (over || steps % Math.max(1, Math.floor(wanted / SAMPLES)) === 0) samples.push(sample(device, steps));
      if (over) stop.abort();
    },
  };
  await new Trainer(args('flat'), { hooks }).run(stop.signal);
  const faults = grown(samples);
  console.log(
    JSON.stringify({
      ...{ work: `train emotion_gcn ${size.network} ${size.size} b${size.batch}`, steps, wanted, grown: faults },
      ...{ ms_a_step: (performance.now() - began) / steps, samples },
    }),
  );
  if (faults.length > 0) throw new Error(`memory grows: ${faults.join('; ')}`);
});
