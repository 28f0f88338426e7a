// Measured kernels in a run: kept between runs, recorded, obeyed by --resume.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SGD } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { openDevice } from '../../src/device/node';
import { readSafetensors } from '../../src/formats/safetensors';
import { problemOf } from '../../src/kernels/gemm';
import { worksOf } from '../../src/kernels/gemm/tuner';
import { allTiles, chooseTile, type TileTable, useTiles } from '../../src/kernels/variant';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { Trainer } from '../../src/train/loop/trainer';
import { chooseKernels, TuningCache } from '../../src/train/loop/tuning';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { device } from '../gpu';

const test = suite('tuning');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-tuning-'));
const home = process.env.XDG_CACHE_HOME;
let set: { training: string; validation: string };
/** A step of the network below, in a dry run, and the kinds of its matrix products. */
let step: () => void;
let kinds: string[];
const every = (tile: string, of = kinds): TileTable => Object.fromEntries(of.map((kind) => [kind, tile]));

test.before(async () => {
  await openDevice().then((d) => d.destroy()); // The driver is where it was.
  process.env.XDG_CACHE_HOME = join(dir, 'home');
  set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 42, validation: 14, seed: 3, size: 96 });
  const model = buildModel(device, { network: 'bregnext', model: 'single_task', imageSize: 16, classes: 7 });
  const learner = new Learner(device, model, {
    embedding: null,
    loss: { classWeights: new Float32Array(7), lambda: 1 },
  });
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  step = () => learner.memoryOfTraining(8, 16, optimizer);
  kinds = worksOf(device, step).map((work) => work.class);
});
test.after(() => {
  if (home === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = home;
  rmSync(dir, { recursive: true, force: true });
});

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    image_dir: join(dir, 'faces'),
    data: set.training,
    val_data: set.validation,
    network: 'bregnext',
    model: 'single_task',
    image_size: 16,
    batch_size: 8,
    epochs: 1,
    class_weights: 'none',
    cache: join(dir, 'crops'),
    saved_model: join(dir, name),
    ...more,
  });
const kernelsOf = (run: string): TileTable => readRun(join(dir, run)).args.kernels;
const weightsOf = (run: string) => {
  const { tensors } = readSafetensors(readFileSync(join(dir, run, 'weights/last.safetensors')));
  return [...tensors].map(([name, t]) => [name, t.data]);
};

/** Trains until so many steps are done; returns what the run said. */
async function train(args: TrainArgs, steps = Number.POSITIVE_INFINITY, resume?: string): Promise<string[]> {
  const stop = new AbortController();
  const said: string[] = [];
  let seen = 0;
  const hooks = {
    onStep: ({ phase }: { phase: string }): void => {
      if (phase === 'train' && ++seen === steps) stop.abort();
    },
    onNotice: (line: string) => void said.push(line),
  };
  const run = resume ? readRunToResume(join(dir, resume), { tune: args.tune }) : undefined;
  await new Trainer(run?.args ?? args, { hooks, resume: run }).run(stop.signal);
  return said;
}

test('what is kept is read back, added to, and nothing to another version; a damaged file is none', async () => {
  const cache = new TuningCache(device);
  const [a, b] = allTiles(device).map((t) => t.name);
  assert.equal(cache.read(), {});
  assert.match(await cache.add({ one: a }), cache.file);
  await cache.add({ two: b, one: b });
  assert.equal(new TuningCache(device).read(), { one: b, two: b });
  const written = readFileSync(cache.file, 'utf8');
  for (const damaged of [
    written.slice(0, -20),
    '[]',
    'null',
    written.replace(/"version": "[^"]*"/, '"version": "0.0.0"'),
    written.replace(b, 'tiled 1x1x1'),
    written.replace(`"${b}"`, '7'),
  ]) {
    assert.not.equal(damaged, written);
    writeFileSync(cache.file, damaged);
    assert.equal(cache.read(), {}, damaged);
  }
  await cache.add({ one: a });
  assert.equal(cache.read(), { one: a }, 'written anew');
  rmSync(cache.file);
});

test('measured once, then taken from the cache; off, or by default on a CPU driver, nothing is measured', async () => {
  const cache = new TuningCache(device);
  await cache.add(every('plain 8x32', [...kinds.slice(0, -2), 'of another network']));
  const said: string[] = [];
  const choose = (wanted: boolean | null): Promise<TileTable> =>
    chooseKernels(device, wanted, null, step, (line) => void said.push(line));
  assert.equal(await choose(false), {});
  if (device.software) assert.equal(await choose(null), {});
  assert.equal(said, []);

  const chosen = await choose(true);
  assert.match(said[0], /^tuning kernels, once: 2 kinds of matrix products, at most 20 s/);
  assert.match(said[1], `kept in ${cache.file}`);
  assert.is(chosen[kinds[0]], 'plain 8x32', 'what is known stays');
  assert.not.ok('of another network' in chosen, 'only what the run computes');
  assert.equal(cache.read(), { 'of another network': 'plain 8x32', ...chosen });
  if (Object.keys(chosen).length < kinds.length) return; // A machine so busy that time ran out.
  assert.equal(await choose(true), chosen);
  assert.is(said.length, 2, 'nothing is left to measure');
  rmSync(cache.file);
});

test('a resumed run obeys its record, whatever the cache says by now, with --tune off as well', async () => {
  const cache = new TuningCache(device);
  await cache.add(every('plain 8x32'));
  await train(settings('whole', { tune: true }));
  assert.equal(kernelsOf('whole'), every('plain 8x32'));
  await train(settings('stopped', { tune: true }), 2);
  await cache.add(every('tiled 16x32x8'));
  const resumed = readRun(join(dir, 'stopped'));
  const said = await train(settings('stopped', { tune: false }), Number.POSITIVE_INFINITY, 'stopped');
  assert.not.ok(said.some((line) => line.includes('tuning kernels')));
  assert.equal(kernelsOf('stopped'), every('plain 8x32'));
  assert.equal(weightsOf('stopped'), weightsOf('whole'));

  // The same seen from the device: each problem gets the tile of the record.
  for (const wanted of [true, false]) {
    assert.equal(await chooseKernels(device, wanted, resumed, step, assert.unreachable), every('plain 8x32'));
    for (const { gemm, launch } of worksOf(device, step))
      assert.is(chooseTile(device, problemOf(gemm, launch)).name, 'plain 8x32');
  }
  useTiles(device, {});
});

test('a run that repeats another takes its tiles; where this adapter lacks one that is said, and they are chosen anew', async () => {
  const said: string[] = [];
  const choose = (repeated: TileTable): Promise<TileTable> =>
    chooseKernels(device, false, null, step, (line) => void said.push(line), repeated);
  assert.equal(await choose(every('plain 8x32')), every('plain 8x32'));
  for (const { gemm, launch } of worksOf(device, step))
    assert.is(chooseTile(device, problemOf(gemm, launch)).name, 'plain 8x32');
  assert.equal(said, []);
  assert.equal(await choose(every('tiled 512x512x64')), {});
  assert.match(
    said.join(),
    /^kernels of the run that is repeated: kernel tiled 512x512x64: this adapter has .*chosen anew$/,
  );
  useTiles(device, {});
});

test('a record that this adapter cannot obey, or that is none, is refused by name', async () => {
  const file = join(dir, 'stopped', 'args.json');
  const written = readFileSync(file, 'utf8');
  const refused = async (content: string, wanted: RegExp): Promise<void> => {
    writeFileSync(file, content);
    const error = await train(settings('stopped'), 1, 'stopped').catch((e) => e);
    assert.instance(error, InputError);
    assert.match(error.message, wanted);
  };
  await refused(
    written.replace('plain 8x32', 'tiled 512x512x64'),
    /args.json: kernel tiled 512x512x64: this adapter has/,
  );
  await refused(written.replace('"plain 8x32"', '8'), /args.json: expected names of tiles as kernels/);
  writeFileSync(file, written);
});

test.run();
