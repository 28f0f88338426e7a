// Trainings by several ranks leave what one process leaves, to the bit.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import type { TrainHooks } from '../../src/train/loop/events';
import type { Outcome } from '../../src/train/loop/session';
import { Trainer } from '../../src/train/loop/trainer';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { device } from '../gpu';
import { runTogether } from './together';

const test = suite('training together');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-ranks-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 27, validation: 11, seed: 3, size: 48 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Two epochs of nine batches, the last with two faces, and four of validation. */
const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'denselite', model: 'multi_task' },
    ...{ image_size: 32, batch_size: 3, epochs: 2, class_weights: 'none', workers: 1, cache: join(dir, 'cache') },
    saved_model: join(dir, name),
    ...more,
  });

/** One process, or so many; a run that is there is gone on with. */
async function go(
  size: number,
  args: TrainArgs,
  of: { hooks?: (rank: number) => TrainHooks; signal?: (rank: number) => AbortSignal; resume?: boolean } = {},
): Promise<PromiseSettledResult<Outcome>[]> {
  const resume = of.resume ? readRunToResume(args.saved_model, {}) : undefined;
  return runTogether(size, (ranks) => {
    const hooks = of.hooks?.(ranks.rank);
    const trainer = new Trainer(resume?.args ?? args, { ranks: size === 1 ? undefined : ranks, hooks, resume });
    return trainer.run(of.signal?.(ranks.rank));
  });
}

const WEIGHTS = ['weights/last.safetensors', 'weights/best.safetensors'];
const TEXTS = ['steps.csv', 'hashes.csv', 'layers.jsonl', 'predictions.csv', 'metrics.json'];

/** results.csv without its last column but one, the seconds. */
const results = (name: string): string[] => {
  const [header, ...rows] = readFileSync(join(dir, name, 'results.csv'), 'utf8')
    .trim()
    .split('\n');
  const seconds = header.split(',').indexOf('seconds');
  return rows.map((row) => row.split(',').toSpliced(seconds, 1).join());
};

function same(a: string, b: string): void {
  for (const file of [...TEXTS, ...WEIGHTS]) {
    const [one, other] = [a, b].map((name) => readFileSync(join(dir, name, file)));
    if (file.endsWith('.safetensors')) assert.is(Buffer.compare(one, other), 0, `${file} of ${a} and ${b}`);
    else assert.is(String(other), String(one), `${file} of ${a} and ${b}`);
  }
  assert.equal(results(b), results(a));
}

const finished = (outcomes: PromiseSettledResult<Outcome>[]): void => {
  for (const outcome of outcomes)
    assert.is(outcome.status === 'fulfilled' ? outcome.value.status : outcome.reason.stack, 'finished');
};

const f16 = device.features.has('shader-f16') ? { precision: 'f16' as const } : {};

for (const [kind, sizes, more] of [
  ['sgd', [2, 4], { grad_accum_steps: 4 }],
  [
    'adamw, f16, clipped, averaged',
    [3],
    { grad_accum_steps: 6, optimizer: 'adamw', ema: 0.9, clip_grad_norm: 1, ...f16 },
  ],
  ['norms', [2], { grad_accum_steps: 2, network: 'bregnext', image_size: 16, epochs: 1, model: 'single_task' }],
] as [string, number[], Partial<TrainArgs>][])
  test(`${kind}: ${sizes.join(' and ')} ranks leave the bits that one process leaves with as many batches a step`, async () => {
    finished(await go(1, settings(`${kind}-1`, more)));
    for (const size of sizes) {
      finished(await go(size, settings(`${kind}-${size}`, more)));
      same(`${kind}-1`, `${kind}-${size}`);
    }
  });

test.run();
