// Networks that give no numbers, and sets of one photograph: what training, evaluation and prediction say.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import type { StateEntry } from '../../src/models';
import type { StepEvent } from '../../src/train/loop/events';
import { Trainer } from '../../src/train/loop/trainer';
import { evaluate } from '../../src/train/measures/evaluate';
import { predict } from '../../src/train/measures/predict';
import { readRun } from '../../src/train/run/read_run';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('diverged');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-diverged-'));
const faces = join(dir, 'faces');
const [one, cache] = [join(dir, 'one.csv'), join(dir, 'cache')];
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 14, validation: 7, seed: 3, size: 48 });
  writeFileSync(one, readFileSync(set.validation, 'utf8').split('\n').slice(0, 2).join('\n'));
  await train('run');
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    image_dir: faces,
    data: set.training,
    val_data: one,
    network: 'bregnext',
    emb: 'random',
    image_size: 16,
    batch_size: 7,
    epochs: 1,
    class_weights: 'none',
    max_bad: 0,
    workers: 1,
    cache,
    saved_model: join(dir, name),
    ...more,
  });
const train = (name: string, more: Partial<TrainArgs> = {}) => new Trainer(settings(name, more)).run();
const common = { image_dir: faces, workers: 1, max_bad: 0, gpu: null, cache };
const best = (run: string): string => join(dir, run, 'weights/best.safetensors');

/** Writes tensors of a file anew. */
function change(file: string, fill: Readonly<Record<string, number>>): void {
  const { tensors, metadata } = readSafetensors(readFileSync(file));
  for (const name of Object.keys(fill)) assert.ok(tensors.has(name), name);
  const entries = [...tensors].map(([name, { shape, data }]): [string, StateEntry] => {
    const known = data as Float32Array | BigInt64Array;
    return [name, { shape, data: name in fill ? new Float32Array(known.length).fill(fill[name]) : known }];
  });
  writeFileSync(file, writeSafetensors(new Map(entries), metadata, { sealed: true }));
}

async function failure(fn: () => Promise<unknown>, Kind: typeof InputError | typeof MachineError): Promise<string> {
  try {
    await fn();
  } catch (error) {
    assert.instance(error, Kind, String((error as Error).stack));
    return (error as Error).message;
  }
  return assert.unreachable('expected an error') as never;
}

const all = async (run: string, pictures: string[]): Promise<unknown[]> => {
  const said: unknown[] = [];
  for await (const p of predict(readRun(join(dir, run)), pictures, { faces: 'none' })) said.push(p);
  return said;
};

test('one validation photograph: what needs two samples stays empty, and the run ends well', () => {
  const { rows, metrics } = readRun(join(dir, 'run'));
  const { val_loss, val_cont, val_ccc_valence, val_cat, train_cont } = rows[0];
  assert.equal([val_loss, val_cont, val_ccc_valence], [null, null, null]);
  assert.ok(Number.isFinite(val_cat) && Number.isFinite(train_cont));
  assert.equal([metrics?.ccc_arousal, metrics?.pearson_valence, metrics?.challenge_va], [null, null, null]);
  assert.type(metrics?.rmse_valence, 'number');
});

test('evaluation of one photograph, and one at a time; it computes no loss', async () => {
  const run = readRun(join(dir, 'run'));
  const single = await evaluate(run, { ...common, data: one, batch_size: 35 });
  assert.equal([single.metrics.samples, single.metrics.ccc_valence], [1, null]);
  const events: StepEvent[] = [];
  const each = await evaluate(
    run,
    { ...common, data: set.validation, batch_size: 1 },
    { onStep: (e) => events.push(e) },
  );
  const together = await evaluate(run, { ...common, data: set.validation, batch_size: 35 });
  assert.equal(each.metrics.confusion, together.metrics.confusion);
  // Another batch size may choose another tile: sums in another order.
  assert.ok(Math.abs(each.metrics.ccc_valence! - together.metrics.ccc_valence!) < 1e-5);
  assert.equal(
    events.map((e) => [e.step, e.loss, e.cat, e.cont]),
    [1, 2, 3, 4, 5, 6, 7].map((s) => [s, null, null, null]),
  );
});

test('training that diverges says so, with epoch, step and tensor', async () => {
  const message = await failure(() => train('steep', { lr: 1e30, epochs: 3 }), MachineError);
  assert.match(
    message,
    /^(the loss is \S+|a gradient is not finite) in epoch [12], step \d: training diverged \((the gradient of )?\S+ is \S+ at \[[\d, ]+\]\); start again with a lower --lr, a longer --warmup, a larger --batch_size or --clip_grad_norm 1(, or go on without that step by --resume --on_nan skip)?$/,
  );
});

test('too few faces for a CCC that is asked for are refused before any is prepared', async () => {
  let begun = 0;
  const hooks = { onDevice: () => begun++ };
  const refused = (more: Partial<TrainArgs>) =>
    failure(() => new Trainer(settings('few', more), { hooks }).run(), InputError);
  assert.match(
    await refused({ data: one, model: 'multi_task' }),
    /^multi_task expects at least 2 training faces \(one has no CCC\), found 1$/,
  );
  for (const by of ['ccc', 'loss'] as const)
    assert.match(
      await refused({ best: by }),
      new RegExp(`^--best ${by} expects at least 2 validation faces \\(one has no CCC\\), found 1$`),
    );
  assert.is(begun, 0);
  assert.not(existsSync(join(dir, 'few')));
});

test('a network without numbers is refused by evaluation and prediction, with file, picture and tensor', async () => {
  await train('ill');
  const images = join(faces, 'images/validation');
  const ask = async (wanted: RegExp): Promise<void> => {
    const run = readRun(join(dir, 'ill'));
    assert.match(
      await failure(() => evaluate(run, { ...common, data: set.validation, batch_size: 3 }), InputError),
      wanted,
    );
    assert.match(await failure(() => all('ill', [join(images, '00000.jpg')]), InputError), wanted);
  };
  copyFileSync(best('run'), best('ill'));
  change(best('ill'), { 'gc2.weight': Number.POSITIVE_INFINITY });
  await ask(/best\.safetensors: gc2\.weight: .*found Infinity at \[0, 0\]/);
  copyFileSync(best('run'), best('ill'));
  change(best('ill'), { 'gc1.weight': 1e38, 'gc2.weight': 1e38 });
  await ask(/best\.safetensors: a class score is \S+ for \S+00000\.jpg: its weights are finite, but .* overflows/);
});

test('weights that are not there are missed before anything is prepared', async () => {
  rmSync(best('ill'));
  const run = readRun(join(dir, 'ill'));
  const nowhere = { ...common, data: join(dir, 'nothing.csv'), batch_size: 3 };
  assert.match(await failure(() => evaluate(run, nowhere), InputError), /best\.safetensors: no such file/);
  assert.match(await failure(() => all('ill', ['nothing.jpg']), InputError), /best\.safetensors: no such file/);
});

test('faces without valence and arousal are no divergence: single_task validates on them, evaluation measures their expressions', async () => {
  const bare = join(dir, 'bare.csv');
  const [header, ...rows] = readFileSync(set.validation, 'utf8').trim().split('\n');
  writeFileSync(bare, [header, ...rows.map((row) => row.replace(/,[^,]*,[^,]*$/, ',-2,'))].join('\n'));
  const outcome = await train('bare', { model: 'single_task', data: bare, val_data: bare });
  assert.is(outcome.status, 'finished');
  for (const run of ['run', 'bare']) {
    const { metrics } = await evaluate(readRun(join(dir, run)), { ...common, data: bare, batch_size: 4 });
    assert.is(metrics.samples, 7, run);
    assert.is(metrics.ccc_valence, null, run);
  }
});

test.run();
