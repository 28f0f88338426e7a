// What a training may be asked for besides, by several ranks.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { memoryGrant } from '../../src/device/node';
import { readSafetensors } from '../../src/formats/safetensors';
import type { Ranks } from '../../src/ranks/ranks';
import { Trainer } from '../../src/train/loop/trainer';
import { readRunArgs } from '../../src/train/run/read_run';
import { AUTO } from '../../src/train/settings/optimization';
import { given } from '../given';
import { device } from '../gpu';
import { runTogether } from './together';
import { failures, finished, Trainings } from './trainings';

const test = suite('ranks: flags');
const runs = new Trainings();
const { dir, go, settings } = runs;
test.before(() => runs.draw());
test.after(() => runs.remove());

const COMPILING = 'compiling kernels, once';

test('a checkpoint that another rank is asked for in the midst of a step is written after it', async () => {
  const hooks = (rank: number, trainer: () => Trainer) => ({
    onNotice: (line: string) => rank === 1 && line === COMPILING && trainer().save(),
  });
  finished(await go(2, settings('asked', { grad_accum_steps: 4, epochs: 1 }), { hooks }));
  // The last is that of the epoch's end.
  const file = join(dir, 'asked/weights/previous.safetensors');
  const { epoch, step } = JSON.parse(readSafetensors(readFileSync(file), file).metadata.progress);
  assert.equal([epoch, step], [0, 4]);
});

test('--max_hours, which rank 0 looks at, ends all after the same step', async () => {
  const each = { status: 'fulfilled', value: { status: 'interrupted', epoch: 1, step: 2 } };
  assert.equal(await go(2, settings('short', { grad_accum_steps: 2, max_hours: 1e-9 })), [each, each]);
});

test('--dry_run leaves nothing, and is refused where not all are given it', async () => {
  const args = settings('dry', { grad_accum_steps: 2 });
  const tried = { status: 'fulfilled', value: { status: 'tried' } };
  assert.equal(await go(2, args, { dryRun: true }), [tried, tried]);
  const one = runTogether(2, (ranks) => new Trainer(args, { ranks, dryRun: ranks.rank === 1 }).run());
  for (const error of await failures(one)) {
    assert.instance(error, InputError);
    assert.match(error.message, /^rank 1 differs: what is done is --dry_run, rank 0 has a new run; /);
  }
  assert.not.ok(existsSync(args.saved_model));
});

test('another adapter is refused, and a rank that computes otherwise named', async () => {
  const more = { grad_accum_steps: 2, limit: 6, epochs: 1 };
  const hooks = (rank: number) => ({
    onDevice: (own: object) =>
      rank === 1 && Object.defineProperty(own, 'info', { value: { ...device.info, description: 'another' } }),
  });
  for (const error of await failures(go(2, settings('adapters', more), { hooks }))) {
    assert.instance(error, InputError);
    assert.match(error.message, /^rank 1 differs: adapter is .* another, rank 0 has /);
  }
  const seen = (ranks: Ranks): Ranks => ({
    ...ranks,
    async add(sum, ...how) {
      await ranks.add(sum, ...how);
      if (ranks.rank === 1) sum[0] += 2 ** -20;
    },
  });
  for (const error of await failures(go(2, settings('bits', more), { seen }))) {
    assert.instance(error, MachineError);
    assert.match(error.message, /^after step 2 rank 1 has another state \([0-9a-f]{16}\) than rank 0 /);
  }
});

given(
  test,
  device.software,
  'adapter that computes on the CPU',
)('--batch_size auto is what fits every rank', async () => {
  const said: string[][] = [[], []];
  const hooks = (rank: number) => ({ onNotice: (line: string) => void said[rank].push(line) });
  const auto = (name: string) => ({ ...settings(name, { grad_accum_steps: 2, epochs: 1 }), batch_size: AUTO });
  const sizeOf = (rank: number): number[] =>
    (said[rank].join('\n').match(/auto: a step of (\d+) images takes (\d+) MiB/) ?? []).slice(1).map(Number);
  await go(1, auto('auto-1'), { hooks, dryRun: true });
  const [whole, mib] = sizeOf(0);
  assert.is(whole, 20);
  // What such a step takes is for rank 1 all that there is.
  const size = Math.floor(memoryGrant().bytes / 2 ** 20 / mib);
  const seen = (ranks: Ranks): Ranks => (ranks.rank === 1 ? { ...ranks, local: { rank: 0, size } } : ranks);
  said[0] = [];
  finished(await go(2, auto('auto-2'), { hooks, seen }));
  assert.is(sizeOf(0)[0], whole);
  const [least] = sizeOf(1);
  assert.ok(least < whole, `${least}`);
  assert.is(readRunArgs(join(dir, 'auto-2/args.json')).batch_size, least);
  assert.ok(said[0].includes(`--batch_size auto: ${least} images, the most that every rank has room for`));
});

test.run();
