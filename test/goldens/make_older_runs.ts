// Makes test/golden/older_runs with the version that it stands beside: node scripts/run.mjs test/goldens/make_older_runs.ts OUT
// Most channels are 0, and stay so, which makes runs of real networks small.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeSyntheticSet } from '../../src/data/synthetic/synthetic';
import { openDevice } from '../../src/device/node';
import { buildModel, type StateEntry } from '../../src/models';
import { Trainer } from '../../src/train/loop/trainer';
import { encodeWeights } from '../../src/train/run/checkpoint';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const [out] = process.argv.slice(2);
/** Paths that stand in the runs' files. */
const at = '/tmp/emotion-gcn-runs';
const faces = join(at, 'faces');

rmSync(at, { recursive: true, force: true });
await writeSyntheticSet({ out: faces, n: 14, validation: 7, seed: 3, size: 48 });

/** Two channels of every map are not 0: here is the first, in the middle where new channels come on both sides. */
const FIRST: Readonly<Record<number, number>> = { 3: 0, 32: 0, 64: 16, 128: 48, 512: 0 };
const lives = (c: number, channels: number): boolean =>
  !(channels in FIRST) || (c >= FIRST[channels] && c < FIRST[channels] + 2);

/** The weights with all but those between living channels 0: so are then their gradients. */
function thinned(state: ReadonlyMap<string, StateEntry>): Map<string, StateEntry> {
  return new Map(
    [...state].map(([name, { shape, data }]) => {
      const [a, b = 1] = shape;
      if (shape.length < 2)
        return [name, { shape, data: name.endsWith('bias') ? new Float32Array(data.length) : data }];
      const each = data.length / a / b;
      // As many times larger as fewer are summed, in the middle.
      const grown = shape.length === 4 && b in FIRST && b > 3 ? Math.sqrt(b / 2) : 1;
      const thin = Float32Array.from(data as Float32Array, (v, i) =>
        lives(Math.floor(i / each / b), a) && lives(Math.floor(i / each) % b, b) ? v * grown : 0,
      );
      return [name, { shape, data: thin }];
    }),
  );
}

async function pretrained(model: TrainArgs['model']): Promise<string> {
  const device = await openDevice();
  const A = Float32Array.from({ length: 81 }, (_, i) => Number(i % 10 === 0));
  const net = buildModel(device, { network: 'bregnext', model, imageSize: 32, A }).initialise(0);
  const file = join(at, `${model}.safetensors`);
  writeFileSync(file, encodeWeights(thinned(await net.stateDict())));
  device.destroy();
  return file;
}

/** Trains until `ends` says so, by the epochs and steps done. */
async function train(args: TrainArgs, ends: (epoch: number, step: number) => boolean, resume = false): Promise<void> {
  const stop = new AbortController();
  const look = (epoch: number, step: number): void => {
    if (ends(epoch, step)) stop.abort();
  };
  const hooks = {
    onNotice: console.log,
    onStep: (e: { phase: string; epoch: number; step: number }) => e.phase === 'train' && look(e.epoch - 1, e.step),
    onEpoch: (row: { epoch: number }) => look(row.epoch, 0),
  };
  const options = resume ? { hooks, resume: readRunToResume(args.saved_model, { epochs: args.epochs }) } : { hooks };
  await new Trainer(args, options).run(stop.signal);
}

/** Copies what of a run `wanted` takes, to `name`: weights compressed. */
function keep(run: string, name: string, wanted: RegExp): void {
  for (const file of readdirSync(run, { recursive: true, encoding: 'utf8' })) {
    if (!wanted.test(file)) continue;
    const bytes = readFileSync(join(run, file));
    const packed = file.endsWith('.safetensors');
    const to = join(out, name, packed ? `${file}.gz` : file);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, packed ? gzipSync(bytes, { level: 9 }) : bytes);
  }
}

const settings = {
  ...{ image_dir: faces, data: join(faces, 'training.csv'), val_data: join(faces, 'validation.csv') },
  ...{ network: 'bregnext', image_size: 32, batch_size: 4, cache: 'off', workers: 1 },
};
const ALL = /\.(json|csv|safetensors)$/;
const END = /(results\.csv|last\.safetensors)$/;

// Stopped in its second epoch, and then gone on with to its end.
const single = join(at, 'single_task');
const stopped = readTrainArgs({
  ...{ ...settings, model: 'single_task', pretrained: await pretrained('single_task'), saved_model: single },
  ...{ epochs: 3, grad_accum_steps: 2, lr: 0.003 },
});
await train(stopped, (epoch, step) => epoch === 1 && step === 1);
keep(single, 'single_task', ALL);
await train(stopped, () => false, true);
keep(single, 'single_task_end', END);

// At its end after one epoch, and then gone on with for another.
const gcn = join(at, 'emotion_gcn');
const finished = readTrainArgs({
  ...{
    ...settings,
    model: 'emotion_gcn',
    pretrained: await pretrained('emotion_gcn'),
    saved_model: gcn,
    emb: 'random',
  },
  ...{ epochs: 1, optimizer: 'adam', ema: 0.9 },
});
await train(finished, () => false);
keep(gcn, 'emotion_gcn', ALL);
await train({ ...finished, epochs: 2 }, () => false, true);
keep(gcn, 'emotion_gcn_end', END);

cpSync(faces, join(out, 'faces'), { recursive: true });
