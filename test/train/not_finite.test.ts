// Training steps that are not finite, by the learner: what is told of them, and which tensor is to blame.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Adam, Ema } from '../../src/autograd';
import { rotationAffine } from '../../src/data/rotate';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { device } from '../gpu';
import { uniform } from '../hashinit';

const test = suite('not finite');
const [N, SIZE] = [4, 16];

const batchOf = (name: string, va = uniform(`va ${name}`, N * 2, 0, 0.9)) => ({
  images: Uint8Array.from(uniform(`images ${name}`, N * SIZE * SIZE * 3, 127, 127)),
  affine: Int32Array.from({ length: N * 6 }, (_, i) => rotationAffine(SIZE, SIZE, 0)[i % 6]),
  flip: new Uint32Array(N),
  labels: Uint32Array.of(0, 1, 2, 3),
  va,
  rows: new Uint32Array(N),
});
const good = batchOf('good');
const poisoned = batchOf('poisoned', Float32Array.of(0.1, 0.2, Number.NaN, 0.3, 0.5, -0.5, 0.1, 0));

function make({ lambda = 1, precision = 'f32' }: { lambda?: number; precision?: 'f32' | 'f16' } = {}) {
  const config = { network: 'bregnext', model: 'multi_task', imageSize: SIZE, classes: 7 } as const;
  const model = buildModel(device, config).initialise(1);
  const optimizer = new Adam(model.parameters(), { lr: 0.001 });
  const loss = { classWeights: new Float32Array(7).fill(1), lambda };
  const learner = new Learner(device, model, { embedding: null, loss, precision, clipGradNorm: 1, onNan: 'skip' });
  return { model, optimizer, learner, ema: new Ema(optimizer, 0.9) };
}

const convolutions = ({ model }: ReturnType<typeof make>): string[] =>
  [...model.namedParameters()].filter(([, p]) => p.shape.length === 4).map(([name]) => name);

test('a step of which a loss is not finite is refused, and the last of its batches tells', async () => {
  const { model, optimizer, learner } = make();
  const before = await model.stateDict();
  const results = [];
  for (const [place, batch] of [good, poisoned, good].entries())
    results.push(await learner.train(batch, optimizer, { place, size: 3 }));
  assert.equal(
    results.map(({ refused, loss }) => [refused, Number.isFinite(loss)]),
    [
      [false, true],
      [false, false],
      [true, true],
    ],
  );
  assert.equal(await model.stateDict(), before);
  const { refused } = await learner.train(good, optimizer);
  assert.is(refused, false);
  assert.not.equal(await model.stateDict(), before);
  assert.is((await learner.evaluate(poisoned)).refused, false);
});

test('a label to blame, in whichever batch: the loss that is made of it is named', async () => {
  const { learner, optimizer } = make();
  for (const batches of [[poisoned], [good, poisoned], [good, poisoned, good]])
    assert.is(await learner.firstNotFinite(batches, optimizer), 'cont is NaN at [0]');
});

for (const precision of ['f32', 'f16'] as const)
  test(`${precision}: a weight to blame: the first activation that overflows is named, and where`, async () => {
    if (precision === 'f16' && !device.features.has('shader-f16')) return;
    const it = make({ precision });
    const name = convolutions(it)[3];
    const weight = it.model.namedState().get(name);
    if (!weight || !('write' in weight)) return assert.unreachable(name);
    weight.write(new Float32Array(weight.size).fill(1e38));
    const found = await it.learner.firstNotFinite([good], it.optimizer);
    assert.match(
      found ?? '',
      new RegExp(`^${name.replace('.weight', '')} is (NaN|-?Infinity) at \\[0, \\d+, \\d+, \\d+\\]$`),
    );
  });

test('gradients that overflow where the loss does not: the first is named, and the step refused', async () => {
  const it = make({ lambda: 1e38 });
  const { learner, optimizer, model } = it;
  // What is constant before a norm: a gradient through it is multiplied with 1 / sqrt(eps).
  for (const [name, p] of model.namedParameters())
    if (convolutions(it).includes(name)) p.write(new Float32Array(p.size).fill(1e-20));
  const before = await model.stateDict();
  const { refused, loss } = await learner.train(good, optimizer);
  assert.equal([refused, Number.isFinite(loss)], [true, true]);
  assert.equal(await model.stateDict(), before);
  assert.match(
    (await learner.firstNotFinite([good], optimizer)) ?? '',
    /^the gradient of [\w.]+ is (NaN|-?Infinity) at \[/,
  );
});

test('finding it changes nothing but gradients, and where all is finite nothing is found', async () => {
  const [one, other] = [make(), make()];
  for (const { learner, optimizer, ema } of [one, other]) {
    await learner.train(good, optimizer);
    ema.update(0, learner.guard);
  }
  assert.is(await one.learner.firstNotFinite([good, good], one.optimizer), null);
  assert.is(await one.learner.firstNotFinite([good, poisoned], one.optimizer), 'cont is NaN at [0]');
  for (const { learner, optimizer } of [one, other]) await learner.train(batchOf('next'), optimizer);
  assert.equal(await one.model.stateDict(), await other.model.stateDict());
});

test.run();
