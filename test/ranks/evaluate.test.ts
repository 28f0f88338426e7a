// Evaluation over ranks: what one process finds, on all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import { type EvaluateSettings, evaluate } from '../../src/train/measures/evaluate';
import { readRun, weightsFile } from '../../src/train/run/read_run';
import { readWeightsFile } from '../../src/train/run/weights_file';
import { readTrainArgs } from '../../src/train/settings/args';
import { runTogether } from './together';
import { failures } from './trainings';

const test = suite('ranks: evaluate');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-ranks-'));
const [faces, saved_model, cache] = ['faces', 'run', 'cache'].map((name) => join(dir, name));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('metrics and predictions of three ranks are those of one process', async () => {
  const set = await writeSyntheticSet({ out: faces, n: 8, validation: 13, seed: 3, size: 48 });
  const args = readTrainArgs({
    ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'denselite', model: 'multi_task' },
    ...{ image_size: 32, batch_size: 4, epochs: 1, workers: 1, cache, saved_model },
  });
  await new Trainer(args).run();
  const run = readRun(saved_model);
  const settings: EvaluateSettings = {
    ...{ image_dir: faces, data: set.validation, workers: 1, batch_size: 3, max_bad: 0, gpu: null, cache },
  };
  const alone = await evaluate(run, settings);
  assert.is(alone.metrics.samples, 13);
  for (const one of await runTogether(3, (ranks) => evaluate(run, { ...settings, ranks })))
    assert.equal(one, { status: 'fulfilled', value: alone });
  const other = runTogether(2, (ranks) => evaluate(run, { ...settings, ranks, batch_size: 3 + ranks.rank }));
  for (const error of await failures(other)) {
    assert.instance(error, InputError);
    assert.match(error.message, /rank 1 differs: --batch_size is 4, rank 0 has 3/);
  }
  const state = new Map((await readWeightsFile(weightsFile(run, 'best'))).state);
  const [[name, entry]] = state;
  const given = (rank: number) => {
    if (rank === 1) state.set(name, { ...entry, data: new Float32Array(entry.data.length) });
    return { file: 'weights', state: new Map(state), embedding: null };
  };
  const others = runTogether(2, (ranks) => evaluate({ ...run, given: given(ranks.rank) }, { ...settings, ranks }));
  for (const { message } of await failures(others))
    assert.match(message, /rank 1 differs: the content of the weights is [0-9a-f]{64}, rank 0 has [0-9a-f]{64}; /);
});

test.run();
