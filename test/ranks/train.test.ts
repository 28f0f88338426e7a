// Trainings by several ranks leave what one process leaves, to the bit.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { type Loaded, Loader } from '../../src/data';
import type { TrainHooks } from '../../src/train/loop/events';
import type { Outcome } from '../../src/train/loop/session';
import { Trainer } from '../../src/train/loop/trainer';
import { readRunToResume } from '../../src/train/run/resume';
import type { TrainArgs } from '../../src/train/settings/args';
import { device } from '../gpu';
import { runTogether } from './together';
import { failures, finished, Trainings } from './trainings';

const test = suite('training together');
const runs = new Trainings();
const { dir, faces, go, same, settings } = runs;
test.before(() => runs.draw());
test.after(() => runs.remove());

/** Batches whose first valence becomes NaN, as `epoch.step`, and with it the loss. */
const spoilt = new Set<string>();
test.before.each(() => spoilt.clear());
const loading = Loader.prototype as unknown as {
  samples: number;
  load(order: Uint32Array, step: number, epoch: number): Promise<Loaded>;
};
const { load } = loading;
loading.load = async function (order, step, epoch) {
  const loaded = await load.call(this, order, step, epoch);
  if (this.samples === 20 && spoilt.has(`${epoch}.${step}`)) loaded.batch.va[0] = Number.NaN;
  return loaded;
};

/** Runs `work` while a training picture is none. */
async function withBadPicture(work: () => Promise<void>): Promise<void> {
  const [image] = readFileSync(runs.set.training, 'utf8').split('\n')[9].split(',');
  const [file, picture] = [join(faces, image), readFileSync(join(faces, image))];
  writeFileSync(file, 'no picture');
  try {
    await work();
  } finally {
    writeFileSync(file, picture);
  }
}

const f16 = device.features.has('shader-f16') ? { precision: 'f16' as const } : {};

for (const [kind, sizes, more] of [
  ['sgd', [4], { grad_accum_steps: 4 }],
  [
    'adamw, f16, clipped, averaged',
    [3],
    { grad_accum_steps: 6, optimizer: 'adamw', ema: 0.9, clip_grad_norm: 1, epochs: 1, ...f16 },
  ],
  [
    'norms and a graph',
    [2],
    { grad_accum_steps: 2, network: 'bregnext', model: 'emotion_gcn', emb: 'random', image_size: 16, epochs: 1 },
  ],
] as [string, number[], Partial<TrainArgs>][])
  test(`${kind}: ${sizes.join(' and ')} ranks leave the bits that one process leaves with as many batches a step`, async () => {
    finished(await go(1, settings(`${kind}-1`, more)));
    for (const size of sizes) {
      finished(await go(size, settings(`${kind}-${size}`, more)));
      same(`${kind}-1`, `${kind}-${size}`);
    }
  });

/** Aborted as the rank begins to train: that is told with its first step. */
function stopping(rank: number): { hooks: (rank: number) => TrainHooks; signal: (rank: number) => AbortSignal } {
  const controller = new AbortController();
  return {
    hooks: (own) => ({ onNotice: (line) => own === rank && line === 'compiling kernels, once' && controller.abort() }),
    signal: (own) => (own === rank ? controller.signal : new AbortController().signal),
  };
}

test('begun by 4 ranks, of which one is told to stop; gone on with by 2, stopped by another, ended by one: the same bits', async () => {
  const args = settings('parts', { grad_accum_steps: 4 });
  const interrupted = (outcomes: PromiseSettledResult<Outcome>[], epoch: number, step: number): void => {
    for (const outcome of outcomes)
      assert.equal(outcome.status === 'fulfilled' ? outcome.value : outcome.reason.stack, {
        ...{ status: 'interrupted', epoch, step },
      });
  };
  interrupted(await go(4, args, stopping(2)), 1, 4);
  const { hooks, signal } = stopping(1);
  // After an epoch: it is told with the first step of the next.
  const later = (rank: number): TrainHooks => ({
    onEpoch: () => hooks(rank).onNotice?.('compiling kernels, once'),
  });
  interrupted(await go(2, args, { hooks: later, signal, resume: true }), 2, 4);
  finished(await go(1, args, { resume: true }));
  same('sgd-1', 'parts');
});

test('a step that is not finite and a picture that cannot be read, on one rank, are left out by all', async () => {
  spoilt.add('0.3');
  await withBadPicture(async () => {
    const more = { grad_accum_steps: 2, epochs: 1, cache: 'off', max_bad: 0.05, on_nan: 'skip' as const };
    finished(await go(1, settings('skip-1', more)));
    finished(await go(2, settings('skip-2', more)));
    same('skip-1', 'skip-2');
  });
});

test('a loss on one rank that is not finite, or too many bad pictures, end all with one message and the checkpoint before', async () => {
  const more = { grad_accum_steps: 2, epochs: 1 };
  spoilt.add('0.3');
  for (const { message } of await failures(go(2, settings('nan', more))))
    assert.match(message, /^the loss is NaN in epoch 1, step 4: training diverged \(cont is NaN at \[0\]\)/);
  spoilt.clear();
  await withBadPicture(async () => {
    for (const { message } of await failures(go(2, settings('worse', { ...more, cache: 'off', max_bad: 0 }))))
      assert.match(message, /^1 of 20 /);
  });
  for (const name of ['nan', 'worse']) readRunToResume(join(dir, name), {});
});

test('an error of one rank is heard by all; the last checkpoint stands', async () => {
  const hooks = (rank: number): TrainHooks => ({
    onStep: ({ step }) => {
      if (rank === 1 && step === 4) throw new MachineError('out of paper');
    },
  });
  const [first, second] = await failures(
    go(2, settings('failed', { grad_accum_steps: 2, save_every: 2, epochs: 1 }), { hooks }),
  );
  assert.is(first.message, 'rank 1: out of paper');
  assert.is(second.message, 'out of paper');
  readRunToResume(join(dir, 'failed'), {});
});

test('ranks of other settings, and numbers of batches that they cannot share, are refused on all, and leave nothing', async () => {
  const each = { grad_accum_steps: 2 };
  const other = await runTogether(3, (ranks) =>
    new Trainer(settings('other', { grad_accum_steps: 3, lr: ranks.rank === 2 ? 0.5 : 0.25 }), { ranks }).run(),
  );
  for (const error of await failures(Promise.resolve(other))) {
    assert.instance(error, InputError);
    assert.match(error.message, /^rank 2 differs: --lr is 0\.5, rank 0 has 0\.25; /);
  }
  for (const error of await failures(go(3, settings('odd', each)))) {
    assert.instance(error, InputError);
    assert.match(error.message, /^--grad_accum_steps 2: expected a multiple of the 3 ranks, .* give 3, /);
  }
  for (const name of ['other', 'odd']) assert.not.ok(existsSync(join(dir, name)));
});

test.run();
