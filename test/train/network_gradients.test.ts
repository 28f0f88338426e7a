// What gradcheck says of a network: right, wrong, vanishing, exploding, dead; and that it leaves the network as it was.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adaptiveAvgPool2d, gradInto, mul, noGrad, record, relu, type Tensor } from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import type { Batch } from '../../src/data';
import { changesOf } from '../../src/data/augment';
import { BatchNorm2d, Conv2d, EmotionModel, Linear, type Prediction } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { checkNetwork, type GradientCheck, isRight, told } from '../../src/train/measures/network_gradients';
import { device } from '../gpu';

const test = suite('network gradients');
const SIZE = 8;
const LOSS = { classWeights: Float32Array.of(1, 2, 0.5), lambda: 0.5, labelSmoothing: 0.1 };

/** What stands between two layers. */
type Between = (x: Tensor) => Tensor;

class Small extends EmotionModel {
  private readonly conv1 = this.child('conv1', new Conv2d(this.device, 3, 8, 3, { padding: 1 }));
  private readonly norm = this.child('norm', new BatchNorm2d(this.device, 8));
  private readonly conv2 = this.child('conv2', new Conv2d(this.device, 8, 8, 3, { padding: 1 }));
  private readonly conv3 = this.child('conv3', new Conv2d(this.device, 8, 8, 3, { stride: 2 }));
  private readonly cat = this.child('cat', new Linear(this.device, 8, 3));
  private readonly cont = this.child('cont', new Linear(this.device, 8, 2));
  readonly backbone = [this.conv1, this.norm, this.conv2, this.conv3];
  protected readonly body = {
    width: 8,
    map: (x: Tensor): Tensor => {
      const y = this.conv2.forward(this.norm.forward(this.conv1.forward(x), 'relu'));
      return relu(this.conv3.forward(relu(this.between(y))));
    },
    pool: (map: Tensor): Tensor => adaptiveAvgPool2d(map, 1),
  };

  constructor(private readonly between: Between) {
    super(device, 3);
  }

  heads(features: Tensor): Prediction {
    return { logits: this.cat.forward(features), va: this.cont.forward(features) };
  }
}

function batchOf(n: number): Batch {
  const random = randomStream('gradcheck faces', 1);
  const rows = Uint32Array.from({ length: n }, (_, i) => i);
  return {
    images: Uint8Array.from({ length: n * SIZE * SIZE * 3 }, (_, i) => 256 * randomUniform(random, i)),
    features: null,
    ...changesOf(null, rows, SIZE, { seed: 0, epoch: 0, step: 0 }),
    labels: rows.map((i) => i % 3),
    va: Float32Array.from({ length: 2 * n }, (_, i) => 2 * randomUniform(random, 1_000_000 + i) - 1),
    rows,
  };
}

async function check(
  between: Between,
  change: (numbers: (name: string) => Float32Array) => void = () => {},
  prepare: (model: Small) => void = () => {},
): Promise<GradientCheck> {
  const model = new Small(between).initialise(5);
  const state = await model.stateDict();
  change((name) => state.get(name)?.data as Float32Array);
  model.loadStateDict(state);
  prepare(model);
  const learner = new Learner(device, model, { embedding: null, loss: LOSS });
  const found = await checkNetwork(learner, batchOf(6), batchOf(3), { samples: 4, seed: 1, loss: LOSS });
  // Weights, running statistics and their counts.
  assert.equal(await model.stateDict(), state);
  return found;
}

const by = (found: GradientCheck, name: string) => {
  const layer = found.layers.find((of) => of.name === name);
  if (!layer) throw new Error(`no layer ${name}`);
  return layer;
};

test('a network that is right: every layer has its figures', async () => {
  const found = await check((x) => x);
  assert.ok(isRight(found), JSON.stringify(found.layers.filter(({ wrong }) => wrong.length > 0)));
  assert.equal(
    found.layers.map(({ name, kind, parameters }) => [name, kind, parameters]),
    [
      ['conv1', 'Conv2d 3x3', 224],
      ['norm', 'BatchNorm2d', 16],
      ['conv2', 'Conv2d 3x3', 584],
      ['conv3', 'Conv2d 3x3, stride 2', 584],
      ['cat', 'Linear', 27],
      ['cont', 'Linear', 18],
    ],
  );
  assert.equal([found.faces, found.differences_of], [6, 3]);
  assert.ok(found.layers.every(({ state, gradient_norm }) => state === 'fine' && (gradient_norm as number) > 0));
  for (const { name, samples, median_error, worst_error } of found.layers) {
    assert.ok(samples.length >= (name === 'norm' ? 1 : 4), name);
    assert.ok(told(samples).length > 0 && (median_error as number) <= (worst_error as number), name);
  }
  // A bias before a norm has no gradient but rounding, of which nothing is said.
  assert.ok(by(found, 'conv1').samples.every(({ parameter, noise }) => parameter !== 'conv1.bias' || noise >= 0.5));
  assert.ok(found.rounding > 0 && found.rounding < 1e-5, `${found.rounding}`);
});

/** x, with a backward that makes `factor` of the gradient. */
const patched =
  (factor: number): Between =>
  (x) => {
    const y = noGrad(() => mul(x, 1));
    record('patched', [x], [y], (dy) => {
      const dx = dy && gradInto(x);
      if (dx) device.copy(mul(dy, factor).storage, dx.grad.storage);
    });
    return y;
  };

test('an op whose backward is wrong by a tenth, or gives nothing: all layers before it are, and none behind it', async () => {
  for (const factor of [0.9, 0]) {
    const found = await check(patched(factor));
    assert.not(isRight(found));
    for (const { name, wrong } of found.layers)
      assert.is(wrong.length > 0, ['conv1', 'norm', 'conv2'].includes(name), `${factor}: ${name}`);
    const { analytic, numeric, error } = by(found, 'conv2').samples[0];
    if (factor === 0) assert.ok(analytic === 0 && error > 0.5 && by(found, 'conv2').state === 'none', `${error}`);
    else assert.ok(Math.abs(analytic / numeric - 0.9) < 0.02, `${analytic}, ${numeric}`);
  }
});

test('layers far from the middle one are named, and dead channels counted', async () => {
  for (const [factor, state] of [
    [1e-6, 'vanishing'],
    [1e6, 'exploding'],
  ] as const) {
    const found = await check(patched(factor), (numbers) => void numbers('norm.bias').fill(-1e3, 0, 2));
    assert.equal(
      found.layers.map((layer) => [layer.name, layer.state]),
      [
        ['conv1', state],
        // Norms stand beside no middle.
        ['norm', 'fine'],
        ['conv2', state],
        ...['conv3', 'cat', 'cont'].map((name) => [name, 'fine']),
      ],
    );
    assert.equal([by(found, 'conv1').dead, by(found, 'norm').dead], [2 / 8, null]);
  }
});

test('what is frozen is not looked at', async () => {
  const found = await check(
    (x) => x,
    undefined,
    (model) => {
      for (const m of model.backbone) m.freeze();
    },
  );
  assert.ok(isRight(found));
  assert.equal(
    found.layers.map(({ state, samples }) => [state, samples.length > 0]),
    [...new Array(4).fill(['frozen', false]), ['fine', true], ['fine', true]],
  );
});

test.run();
