// Weights and optimizer state to PyTorch's files and back, on whatever adapter there is.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { AFFECTNET_COUNTS, writeSyntheticSet } from '../../src/data';
import { readFaceApiWeights } from '../../src/data/face_weights';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { readCheckpoint, writeCheckpoint } from '../../src/formats/torch';
import { buildModel, identify, type NetworkName } from '../../src/models';
import { exportRun } from '../../src/train/export';
import { inspect } from '../../src/train/inspect';
import { losses } from '../../src/train/loop/objective';
import { startFrom } from '../../src/train/loop/start';
import { Trainer } from '../../src/train/loop/trainer';
import { openRunModel } from '../../src/train/measures/evaluate';
import { faceWeights } from '../../src/train/run/face_weights';
import { readManifest } from '../../src/train/run/manifest';
import { readRun } from '../../src/train/run/read_run';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { givenShared, SHARED } from '../given';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { integers, uniform } from '../hashinit';

const test = suite('exchange');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-exchange-'));
const faces = join(dir, 'faces');
let set: { training: string; validation: string };

test.before(async () => {
  set = await writeSyntheticSet({ out: faces, n: 42, validation: 14, seed: 3, size: 48 });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs =>
  readTrainArgs({
    image_dir: faces,
    data: set.training,
    val_data: set.validation,
    network: 'bregnext',
    emb: 'random',
    image_size: 16,
    batch_size: 8,
    epochs: 2,
    max_bad: 0,
    cache: join(dir, 'cache'),
    saved_model: join(dir, name),
    ...more,
  });

/** Trains; gives what was said and the last weights. */
async function train(args: TrainArgs) {
  const said: string[] = [];
  await new Trainer(args, { hooks: { onNotice: (line) => said.push(line) } }).run();
  const file = join(args.saved_model, 'weights/last.safetensors');
  return { said: said.join('\n'), last: readSafetensors(readFileSync(file), file).tensors };
}

async function refused(work: Promise<unknown>, ...words: string[]): Promise<void> {
  const error = await work.then(
    () => assert.unreachable(words.join()),
    (e: unknown) => e,
  );
  assert.instance(error, InputError);
  for (const word of words) assert.ok((error as Error).message.includes(word), `${(error as Error).message}: ${word}`);
}

const pth = join(dir, 'last.pth');

test('a run that goes through a .pth ends with the bits of one that does not', async () => {
  await train(settings('two'));
  assert.equal(await exportRun(readRun(join(dir, 'two')), 'pth', pth, 'last'), [pth]);
  const { epoch, optimizer: read } = await readCheckpoint(readFileSync(pth), pth);
  const optimizer = read?.();
  assert.is(epoch, 1);
  // Place 0 is A, which has no gradient; 245 and 246 are the unused model._fc0.
  assert.is(optimizer?.parameters, 249);
  const without = Array.from({ length: 249 }, (_, i) => i).filter((i) => !optimizer?.state.has(i));
  assert.equal(without, [0, 245, 246]);

  const whole = await train(settings('three', { epochs: 3 }));
  const through = await train(settings('through', { epochs: 3, checkpoint: pth, lr: 0.001 }));
  assert.match(through.said, 'going on with epoch 3');
  assert.equal([...through.last.keys()], [...whole.last.keys()]);
  for (const [name, { data }] of whole.last) assert.equal(through.last.get(name)?.data, data, name);
  assert.equal(
    readRun(join(dir, 'through')).rows.map((row) => row.epoch),
    [3],
  );
});

test('with adamw, too; the optimizer must be the checkpoint’s', async () => {
  const more = { network: 'denselite', image_size: 32, model: 'multi_task', optimizer: 'adamw', epochs: 1 } as const;
  const file = join(dir, 'adamw.pth');
  await train(settings('adamw-one', more));
  await exportRun(readRun(join(dir, 'adamw-one')), 'pth', file, 'last');
  const whole = await train(settings('adamw-two', { ...more, epochs: 2 }));
  const through = await train(settings('adamw-through', { ...more, epochs: 2, checkpoint: file, betas: [0.9, 0.999] }));
  assert.match(through.said, /states of adamw taken; going on with epoch 2/);
  assert.equal([...through.last.keys()], [...whole.last.keys()]);
  for (const [name, { data }] of whole.last) assert.equal(through.last.get(name)?.data, data, name);
  for (const optimizer of ['sgd', 'adam'] as const)
    await refused(
      train(settings('adamw-refused', { ...more, optimizer, epochs: 2, checkpoint: file })),
      `expected the state of ${optimizer}, found that of adamw; give --optimizer adamw`,
    );
  const { facts } = await inspect(file, null, { imageDir: null, dataset: 'affectnet', numClasses: 7, maxBad: 0 });
  assert.equal([facts.optimizer, facts.betas, facts.eps, facts.lr], ['AdamW', '0.9, 0.999', 1e-8, 0.001]);
});

test('a checkpoint that does not fit is refused', async () => {
  const start = (more: Partial<TrainArgs>) => new Trainer(settings('refused', { epochs: 9, ...more })).run();
  await refused(start({ checkpoint: pth, epochs: 2 }), pth, '2 epochs are done', '--epochs 3');
  await refused(start({ checkpoint: pth, model: 'multi_task' }), 'found emotion_gcn on bregnext', '--model');
  const best = join(dir, 'best.pth');
  await exportRun(readRun(join(dir, 'two')), 'pth', best, 'best');
  await refused(start({ checkpoint: best }), best, 'optimizer_state_dict', '--pretrained');
  assert.not.ok(existsSync(join(dir, 'refused')), 'no run is left behind');
  assert.throws(() => settings('both', { checkpoint: pth, pretrained: pth }), /--pretrained and --checkpoint/);
});

test('pretrained weights: what fits is taken, and what was not is said', async () => {
  const { said } = await train(settings('multi', { model: 'multi_task', epochs: 1, pretrained: pth }));
  assert.match(said, /last\.pth: \d+ of the model's \d+ tensors taken/);
  assert.match(said, 'no place for them: A, model._fc0.weight, model._fc0.bias, gc1.weight, gc2.weight');
  assert.match(said, 'left as initialised: fc_cont.weight, fc_cont.bias, fc_cat.weight, fc_cat.bias');

  const foreign = join(dir, 'foreign.pth');
  const state = new Map([['layer.weight', { shape: [2], data: new Float32Array(2) }]]);
  writeFileSync(foreign, await writeCheckpoint({ epoch: 0, state, optimizer: null }));
  await refused(train(settings('none', { pretrained: foreign })), foreign, 'no tensor fits', 'layer.weight (2)');
});

test('--pretrained faces: denselite starts from the expression network, and the manifest has its hash', async () => {
  const start = { network: 'denselite', model: 'single_task', image_size: 32, pretrained: 'faces' } as const;
  const { said, last } = await train(settings('faces', { ...start, epochs: 1, freeze_backbone: true }));
  assert.match(said, "faces: 47 of the model's 49 tensors taken");
  assert.match(said, 'not in the file, left as initialised: classifier.weight, classifier.bias');
  const { state: weights } = faceWeights('faces', 'denselite');
  assert.is(weights.size, 47);
  for (const [name, { data }] of weights) assert.equal(last.get(name)?.data, data, name);
  const stored = readFaceApiWeights('face_expression_model');
  const { data: kernel, shape } = stored.get('dense1/conv0/depthwise_filter')!;
  const ours = weights.get('features.dense1.conv0.depthwise.weight')!;
  assert.equal(ours.shape, [32, 1, 3, 3]);
  // Row 2, column 1 of channel 5.
  assert.is(ours.data[(5 * 3 + 2) * 3 + 1], kernel[(2 * 3 + 1) * shape[2] + 5]);
  assert.match(readManifest(join(dir, 'faces'))?.data['--pretrained faces'] ?? '', /^[0-9a-f]{64}$/);
  for (const network of ['densenet', 'bregnext'] as const)
    assert.throws(
      () => settings('other', { network, image_size: 112, pretrained: 'faces' }),
      (e: Error) =>
        e instanceof InputError && e.message.includes(`--network denselite and mobilenet, found --network ${network}`),
    );
});

test('safetensors come with a config.json', async () => {
  const out = join(dir, 'weights.safetensors');
  const config = join(dir, 'config.json');
  assert.equal(await exportRun(readRun(join(dir, 'two')), 'safetensors', out, 'best'), [out, config]);
  const { tensors } = readSafetensors(readFileSync(out), out);
  assert.equal(identify(tensors), { model: 'emotion_gcn', network: 'bregnext', classes: 7 });
  const { model, network, image_size, classes } = JSON.parse(readFileSync(config, 'utf8'));
  assert.equal([model, network, image_size, classes.length], ['emotion_gcn', 'bregnext', 16, 7]);
  await refused(
    exportRun(readRun(join(dir, 'two')), 'pth', join(dir, 'no/where.pth'), 'best'),
    'no/where.pth',
    '--out',
  );
  const run = readRun(join(dir, 'two'));
  await refused(exportRun(run, 'safetensors', config, 'best'), 'config.json', 'another name');
  assert.equal(await exportRun(run, 'safetensors', join(dir, 'again.safetensors'), 'last'), [
    join(dir, 'again.safetensors'),
    config,
  ]);
  await refused(exportRun(run, 'pth', join(run.dir, 'weights/best.safetensors'), 'best'), 'a file of the run');

  const ours = JSON.parse(readFileSync(config, 'utf8'));
  for (const foreign of ['{"model_type": "vit"}', '', JSON.stringify({ ...ours, mine: 1 }), JSON.stringify([ours])]) {
    writeFileSync(config, foreign);
    await refused(exportRun(run, 'safetensors', join(dir, 'third.safetensors'), 'best'), config, 'written over');
    assert.is(readFileSync(config, 'utf8'), foreign);
    assert.not(existsSync(join(dir, 'third.safetensors')));
  }
});

test('an ONNX file has its JSON beside it, by its name; another JSON is not written over', async () => {
  const run = readRun(join(dir, 'two'));
  const [net, notes] = [join(dir, 'net.v2.onnx'), join(dir, 'net.v2.json')];
  for (let time = 0; time < 2; time++) assert.equal(await exportRun(run, 'onnx', net, 'best'), [net, notes]);
  assert.equal(JSON.parse(readFileSync(notes, 'utf8')).classes, run.args.classes);
  writeFileSync(join(dir, 'mine.json'), '{"outputs": []}');
  await refused(exportRun(run, 'onnx', join(dir, 'mine.onnx'), 'best'), 'mine.json', 'written over');
  await refused(exportRun(run, 'onnx', join(dir, 'same.json'), 'best'), 'expected another name');
  await refused(exportRun(run, 'onnx', join(dir, 'two/metrics.onnx'), 'best'), 'metrics.json');
});

test('weights of a run that are not finite are neither exported nor used', async () => {
  cpSync(join(dir, 'two'), join(dir, 'spoilt'), { recursive: true });
  const best = join(dir, 'spoilt/weights/best.safetensors');
  const { tensors } = readSafetensors(readFileSync(best), best);
  (tensors.get('gc2.weight')?.data as Float32Array)[3] = Number.NaN;
  writeFileSync(best, writeSafetensors(tensors));
  const run = readRun(join(dir, 'spoilt'));
  const words = [`${best}: gc2.weight`, 'found NaN at [0, 3]'];
  for (const format of ['pth', 'safetensors', 'onnx'] as const) {
    const out = join(dir, `spoilt.${format}`);
    await refused(exportRun(run, format, out, 'best'), ...words);
    assert.not.ok(existsSync(out), format);
  }
  await refused(openRunModel(device, run), ...words);
});

for (const [network, packed] of [
  ['bregnext', 'emotion_gcn_bregnext_zip.pth.gz'],
  ['densenet', 'emotion_gcn_densenet_legacy.pth.gz'],
] as [NetworkName, string][]) {
  const there = givenShared(test, `reference/checkpoints/${packed}`);
  there(`the original's checkpoint on ${network}: its scores, and the next step with its momentum`, async () => {
    const path = `${SHARED}/reference/checkpoints/${packed}`;
    const file = join(dir, `${network}.pth`);
    writeFileSync(file, gunzipSync(readFileSync(path)));
    const golden = `test/golden/checkpoints/emotion_gcn_${network}.safetensors`;
    const { tensors, metadata } = readSafetensors(readFileSync(golden), golden);
    const numbers = (name: string) => tensors.get(name)?.data as Float32Array;

    const model = buildModel(device, { model: 'emotion_gcn', network, imageSize: 112 }).initialise(0);
    const optimizer = new F.SGD(model.parameters(), { lr: 1e-3, momentum: 0.9, weightDecay: 1e-3 });
    const args = settings('unused', { network, image_size: 112, epochs: 6, checkpoint: file });
    const progress = await startFrom(args, model, optimizer, () => {});
    assert.is(progress.epoch, 5);

    const look = () => {
      const x = F.tensor(device, uniform('checkpoint/input', 2 * 3 * 112 * 112, 0, 1.75), [2, 3, 112, 112]);
      return model.forward(x, F.tensor(device, numbers('emb'), [9, 300]));
    };
    const scores = await F.step(device, () =>
      F.noGrad(() => {
        model.eval();
        const { logits, va } = look();
        return F.readAll([logits, va as F.Tensor]);
      }),
    );
    const truth = numbers('eval.f64ref');
    const got = [0, 1].flatMap((i) => [...scores[0].slice(7 * i, 7 * i + 7), ...scores[1].slice(2 * i, 2 * i + 2)]);
    // The evaluation rule of the reference files: 4 times PyTorch's own float32 error, and 2e-6.
    const own = Number(metadata['f32.rel_l2.eval']);
    assert.ok(distance(got, truth) <= 4 * own + 2e-6, `scores: ${distance(got, truth)}, PyTorch ${own}`);

    await F.step(device, () => {
      model.train();
      const labels = F.labels(device, integers('checkpoint/labels', 2, 0, 7), 7);
      const va = F.tensor(device, uniform('checkpoint/va', 4, 0, 0.9), [2, 2]);
      const weight = F.tensor(device, AFFECTNET_WEIGHTS, [7]);
      F.backward(losses(look(), { labels, va, mix: null }, { weight, lambda: 1, labelSmoothing: 0 }).total as F.Tensor);
      optimizer.step();
    });
    const state = await model.stateDict();
    const norms = numbers('resumed_step.norm');
    const errors = numbers('resumed_step.f32_rel_l2');
    const names: string[] = JSON.parse(metadata['resumed_step.names']);
    // A norm differs by no more than the tensor does: 4 times the largest that PyTorch's own float32 is off.
    const worst = 4 * Math.max(...errors) + 3e-7;
    for (const [i, name] of names.entries()) {
      const norm = Math.hypot(...chunks(state.get(name)?.data as Float32Array));
      assert.ok(Math.abs(norm - norms[i]) <= worst * norms[i], `${name}: norm ${norm}, PyTorch ${norms[i]}`);
    }
    release(device, model);
  });
}

/** AffectNet's class weights: the smallest count over each class's. */
const AFFECTNET_WEIGHTS = Float32Array.from(AFFECTNET_COUNTS.slice(0, 7), (n) => 3803 / n);

function distance(got: readonly number[], truth: Float32Array): number {
  return Math.hypot(...got.map((v, i) => v - truth[i])) / Math.hypot(...truth);
}

/** Norms of parts, so that `Math.hypot` is not handed a million arguments. */
function chunks(data: Float32Array): number[] {
  const norms: number[] = [];
  for (let i = 0; i < data.length; i += 1000) norms.push(Math.hypot(...data.subarray(i, i + 1000)));
  return norms;
}

test.run();
