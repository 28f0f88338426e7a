// What a lost device leaves: a training whose device is taken away in the middle must end with the bits of one that kept its own, and
// so two trainings with each other. Exit 1 if they differ.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Device } from '../../src/device';
import { Trainer } from '../../src/train/loop/trainer';
import { program } from '../program';
import { SIZE_OPTIONS } from './sizes';
import { drawnFaces } from './training';

const STEPS = 6;
const SIZE = { network: 'denselite', size: 32, batch: 4 } as const;

program(async () => {
  const { values } = parseArgs({ options: SIZE_OPTIONS });
  const { dir, args } = await drawnFaces(SIZE, STEPS + 1, values.gpu);
  const told: string[] = [];
  /** Trains, and takes the device away after step `at`. @returns the weights' file */
  const train = async (run: string, at: number | null): Promise<Buffer> => {
    const devices: Device[] = [];
    const stop = new AbortController();
    await new Trainer(args(run, { save_every: 2 }), {
      hooks: {
        onDevice: (device) => void devices.push(device),
        onNotice: (line) => {
          if (/opened again/.test(line)) told.push(line);
        },
        onStep: ({ phase, step }) => {
          if (phase !== 'train') return;
          if (step === at && devices.length === 1) devices[0].gpu.destroy();
          if (step === STEPS) stop.abort();
        },
      },
    }).run(stop.signal);
    console.log(JSON.stringify({ work: 'a lost device', run, done_after_ms: performance.now() }));
    return readFileSync(join(dir, run, 'weights', 'last.safetensors'));
  };
  const whole = await train('whole', null);
  const again = (await train('again', null)).equals(whole);
  const lost = (await train('lost', 4)).equals(whole);
  console.log(
    JSON.stringify({ work: 'a lost device', steps: STEPS, told, same_bits: lost, repeated_same_bits: again }),
  );
  if (told.length !== 1) throw new Error(`the device was lost ${told.length} times, expected once`);
  if (!lost || !again) throw new Error(`wrong: other bits ${lost ? 'in a second run' : 'after the device was lost'}`);
});
