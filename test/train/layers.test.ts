// layers.jsonl: how a run's layers are, epoch by epoch; with it the same bits, resumed the same file.
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maxPool2d, noGrad, observeActivations, relu, relu6, step, type Tensor, tensor } from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { loadEmbedding, nodesOf, writeSyntheticSet } from '../../src/data';
import { readSafetensors } from '../../src/formats/safetensors';
import {
  BatchNorm2d,
  buildModel,
  Conv2d,
  classifierContributions,
  DenseBlock,
  Module,
  type StateEntry,
  Transition,
} from '../../src/models';
import type { PageLayers } from '../../src/page/protocol';
import { Trainer } from '../../src/train/loop/trainer';
import { LayerLook, type LayerStats, layerStats } from '../../src/train/measures/layer_stats';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs } from '../../src/train/settings/args';
import { device } from '../gpu';
import { mockRun, dir as mocks } from './mock_session';

const test = suite('layers');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-layers-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

type Line = PageLayers & { contributions?: number[] };
const linesOf = (run: string): Line[] =>
  readFileSync(join(run, 'layers.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const numbers = (name: string, n: number): Float32Array => {
  const stream = randomStream(name, 1);
  return Float32Array.from({ length: n }, (_, i) => 4 * randomUniform(stream, i) - 2);
};

/** What a look at some faces finds of each layer, after `change` of the state. */
async function lookAt(
  model: Module & { forward(x: Tensor): Tensor | { logits: Tensor } },
  change: (state: Map<string, StateEntry>) => void = () => {},
  faces = 3,
): Promise<Map<string, LayerStats>> {
  const before = await model.stateDict();
  change(before);
  model.loadStateDict(before);
  model.eval();
  const x = tensor(device, numbers('faces', faces * 3 * 32 * 32), [faces, 3, 32, 32]);
  const forward = () =>
    step(device, () => {
      const y = noGrad(() => model.forward(x));
      return ('logits' in y ? y.logits : y).data();
    });
  const { result, look } = LayerLook.at(model, faces, forward);
  assert.equal(await result, await forward());
  return new Map((await layerStats(await model.stateDict(), new Map(), look)).map((of) => [of.name, of]));
}

const fill = (state: Map<string, StateEntry>, name: string, from: number, to: number, value: number): void => {
  const { data } = state.get(name) as { data: Float32Array };
  data.fill(value, from, to);
};

/** As DenseNet begins, with a ReLU6 before: layers behind norms, a pool between, a block's shared buffer, a transition. */
class Dense extends Module {
  private readonly conv0 = this.child('conv0', new Conv2d(this.device, 3, 8, 3, { padding: 1 }));
  private readonly conv1 = this.child('conv1', new Conv2d(this.device, 8, 8, 3, { padding: 1 }));
  private readonly norm1 = this.child('norm1', new BatchNorm2d(this.device, 8));
  private readonly block = this.child('block', new DenseBlock(this.device, 8, 3));
  private readonly transition = this.child('transition', new Transition(this.device, 8 + 96));

  forward(x: Tensor): Tensor {
    return this.run(() => {
      const y = this.norm1.forward(this.conv1.forward(relu6(this.conv0.forward(x))), 'relu');
      const { whole, front } = this.block.room(x.shape[0], 16, 16, y);
      maxPool2d(y, { kernel: 2, out: front });
      return this.transition.forward(this.block.forward(whole));
    });
  }
}

test('dead are channels that every reader gets 0 of: behind norms, in sums, and as they are', async () => {
  const [no, yes] = [-1e3, 1e3];
  const found = await lookAt(new Dense(device).initialise(2), (state) => {
    // What else is there behind a norm is 1.
    for (const [name, { data, shape }] of state)
      if (shape.length === 1 && name.includes('norm') && /weight|bias/.test(name))
        (data as Float32Array).fill(name.endsWith('bias') ? 1 : 0);
    fill(state, 'conv0.bias', 0, 6, yes);
    fill(state, 'conv0.bias', 6, 8, no);
    fill(state, 'norm1.bias', 3, 6, no);
    // By its mean, and turned round: the one is below 0, the other above.
    fill(state, 'block.denselayer2.norm2.bias', 0, 32, 0);
    fill(state, 'block.denselayer2.norm2.running_mean', 0, 16, yes);
    fill(state, 'block.denselayer2.norm2.running_mean', 16, 32, no);
    fill(state, 'block.denselayer2.norm2.weight', 0, 32, 1);
    fill(state, 'block.denselayer2.norm2.weight', 10, 30, -1);
    // Channels 8 and 9 are the first layer's, which all later ones and the transition read; of the second one reader keeps clear.
    for (const norm of ['block.denselayer2.norm1', 'block.denselayer3.norm1']) fill(state, `${norm}.bias`, 8, 10, no);
    fill(state, 'transition.norm.bias', 8, 9, no);
  });
  const dead = (name: string) => found.get(name)?.dead;
  assert.is(dead('conv0'), 2 / 8);
  assert.is(dead('conv1'), 3 / 8);
  assert.is(dead('block.denselayer1.conv1'), 0);
  assert.is(dead('block.denselayer2.conv1'), (10 + 14) / 128);
  assert.is(dead('block.denselayer1.conv2'), 1 / 32);
  assert.is(dead('transition.conv'), 0);

  const lite = buildModel(device, { model: 'single_task', network: 'denselite', imageSize: 32 }).initialise(2);
  const sums = await lookAt(lite, (state) => {
    fill(state, 'features.dense0.conv0.bias', 0, 2, -1e3);
    fill(state, 'features.dense0.conv2.pointwise.bias', 4, 9, -1e3);
    fill(state, 'features.dense1.conv1.depthwise.weight', 0, 9, 0);
  });
  assert.is(sums.get('features.dense0.conv0')?.dead, 2 / 32);
  assert.is(sums.get('features.dense0.conv1.pointwise')?.dead, 0);
  assert.is(sums.get('features.dense0.conv2.pointwise')?.dead, 5 / 32);
  // What joins a sum that is far below 0 stays there.
  assert.is(sums.get('features.dense0.conv3.pointwise')?.dead, 5 / 32);
  assert.is(sums.get('features.dense1.conv1.depthwise')?.dead, 1 / 64);
});

test('spreads are those of the numbers; one face is enough for a layer with many outputs', async () => {
  const lite = buildModel(device, { model: 'single_task', network: 'denselite', imageSize: 32 }).initialise(2);
  const found = await lookAt(lite, () => {}, 6);
  const { data } = (await lite.stateDict()).get('features.dense1.conv0.pointwise.weight') as StateEntry;
  const { weights, activations, gradients, gradient_norm } = found.get('features.dense1.conv0.pointwise') as LayerStats;
  const values = Array.from(data, Number);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const close = (a: number | undefined, b: number) =>
    assert.ok(Math.abs((a as number) - b) <= 1e-4 * Math.abs(b), `${a}, ${b}`);
  close(weights?.from, Math.min(...values));
  close(weights?.to, Math.max(...values));
  close(weights?.std, Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / values.length));
  assert.is(
    weights?.counts.reduce((a, b) => a + b),
    values.length,
  );
  // Four of six faces: 64 channels of 8 x 8 pixels.
  assert.is(
    activations?.counts.reduce((a, b) => a + b),
    4 * 64 * 8 * 8,
  );
  assert.equal([gradients, gradient_norm], [null, null]);
});

test('who watches activations sees nothing where none is asked for', () => {
  const seen: string[] = [];
  const x = tensor(device, [1], [1]);
  observeActivations(
    (_, activation) => seen.push(activation),
    () => relu(x),
  );
  relu(x);
  assert.equal(seen, ['relu']);
});

test('a line before the first epoch and one after each; stopped and killed, the same file', async () => {
  const set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 21, validation: 7, size: 48 });
  const argsOf = (name: string) =>
    readTrainArgs({
      ...{ image_dir: join(dir, 'faces'), data: set.training, val_data: set.validation, network: 'denselite' },
      ...{ model: 'emotion_gcn', image_size: 32, cache: 'off', workers: 1, batch_size: 7, epochs: 2, emb: 'random' },
      ...{ saved_model: join(dir, name), weight_decay: 0, momentum: 0, ema: 0.5, lr: 0.125, schedule: 'step' },
    });
  const whole = argsOf('whole');
  await new Trainer(whole).run();
  const lines = linesOf(whole.saved_model);
  assert.equal(
    lines.map(({ epoch }) => epoch),
    [0, 1, 2],
  );
  const layers = lines.map((line) => new Map(line.layers.map((of) => [of.name, of])));
  const names = [...layers[0].keys()];
  // A convolution, three separable ones; three blocks of four; two graph convolutions.
  assert.is(names.length, 7 + 3 * 8 + 2);
  assert.ok(['features.dense0.conv0', 'features.dense3.conv3.pointwise', 'gc1', 'gc2'].every((n) => names.includes(n)));
  for (const of of layers) assert.equal([...of.keys()], names);
  assert.ok(lines[0].layers.every(({ gradients, gradient_norm }) => gradients === null && gradient_norm === null));
  assert.ok(lines[2].layers.every(({ gradient_norm }) => (gradient_norm as number) > 0));
  assert.ok(
    lines.every((line) =>
      line.layers.every(({ weights, activations, dead }) => weights && activations && dead !== null),
    ),
  );

  // What is told of an epoch is of the weights that were validated; of the best they are there.
  const { tensors } = readSafetensors(readFileSync(join(whole.saved_model, 'weights/best.safetensors')));
  const { best_epoch } = JSON.parse(readFileSync(join(whole.saved_model, 'metrics.json'), 'utf8'));
  const state = tensors as Map<string, { data: Float32Array }>;
  const embedding = await loadEmbedding(join(whole.saved_model, 'emb.safetensors'), nodesOf(whole.classes));
  const { share } = classifierContributions(
    {
      ...{ A: state.get('A')?.data, gc1: state.get('gc1.weight')?.data, gc2: state.get('gc2.weight')?.data },
      embedding,
    } as never,
    9,
  );
  const best = lines[best_epoch];
  assert.equal(
    best.contributions,
    share.map((v) => Number(v.toPrecision(5))),
  );
  const greatest = (name: string): number =>
    (state.get(name) as { data: Float32Array }).data.reduce((a, b) => Math.max(a, b));
  for (const { name, weights } of best.layers)
    assert.is(weights?.to, Number(greatest(`${name}.weight`).toPrecision(5)), name);

  // Stopped within the second epoch, and gone on with.
  const stopped = argsOf('stopped');
  const stop = new AbortController();
  const onStep = (at: { phase: string; epoch: number; step: number }): void => {
    if (at.phase === 'train' && at.epoch === 2 && at.step === 1) stop.abort();
  };
  await new Trainer(stopped, { hooks: { onStep } }).run(stop.signal);
  assert.is(linesOf(stopped.saved_model).length, 2);
  // Killed while it wrote a line that no checkpoint knows of, and half of another.
  const file = join(stopped.saved_model, 'layers.jsonl');
  appendFileSync(file, '{"epoch":2,"layers":[]}\n{"epoch":3,"lay');
  const resume = readRunToResume(stopped.saved_model, {});
  await new Trainer(resume.args, { resume }).run();
  for (const name of ['layers.jsonl', 'hashes.csv'])
    assert.is(
      readFileSync(join(stopped.saved_model, name), 'utf8'),
      readFileSync(join(whole.saved_model, name), 'utf8'),
    );
});

test('a run that goes on from the checkpoint before its last forgets the epoch after it', async () => {
  const validated = new Array(9).fill({});
  await (await mockRun('layers', { epochs: 2 }, { validated })).session.run();
  const run = join(mocks, 'layers');
  const before = readFileSync(join(run, 'layers.jsonl'), 'utf8');
  copyFileSync(join(run, 'weights/previous.safetensors'), join(run, 'weights/last.safetensors'));
  await (await mockRun('layers', { epochs: 2 }, { validated })).session.run();
  assert.is(readFileSync(join(run, 'layers.jsonl'), 'utf8'), before);
  assert.equal(
    linesOf(run).map(({ epoch }) => epoch),
    [0, 1, 2],
  );
});

test.run();
