// Grad-CAM leaves the model as it was, and says what it cannot do. What it computes is held to PyTorch's by the goldens.
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, mean, readAll, type Tensor, tensor } from '../../src/autograd';
import { buildModel, Counter, type EmotionModel, gradCam, gradCams } from '../../src/models';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { uniform } from '../hashinit';
import { A, quiet, withNet } from './networks';

const test = suite('grad cam');

const image = (size = 16): Tensor => tensor(device, uniform('image', 3 * size * size, 0, 1.75), [1, 3, size, size]);
const embedding = tensor(device, uniform('embedding', 2700, 0, 0.5), [9, 300], { name: 'embedding' });

const digest = (numbers: Float32Array): string => createHash('sha256').update(numbers).digest('hex');

const stateOf = async (net: EmotionModel): Promise<string[]> =>
  (await readAll([...net.namedState().values()].map((t) => (t instanceof Counter ? t.tensor : t)))).map(digest);

test('the model is as it was: modes, who wants a gradient, gradients, running statistics, memory', () =>
  withNet('bregnext', 'emotion_gcn', async (net) => {
    net.initialise(1).train();
    net.backbone[0].freeze();
    const x = image();
    backward(mean(net.forward(x, embedding).logits));
    const before = await stateOf(net);
    const wanted = net.parameters().map((p) => p.requiresGrad);
    const gradients = async (): Promise<string[]> =>
      Promise.all(net.parameters().map(async ({ grad }) => (grad ? digest(await grad.data()) : 'none')));
    const learnt = await gradients();
    const modes = [...net.namedModules()].map(([, module]) => module.training);
    assert.ok(modes.includes(false) && modes.includes(true) && wanted.includes(false) && wanted.includes(true));
    await gradCam(net, x, 'valence', embedding); // what norms are by their running statistics is made once, and kept
    await quiet();
    const { live } = device.stats();
    for (const target of [{ class: 6 }, 'valence', 'arousal'] as const) await gradCam(net, x, target, embedding);
    assert.is(device.stats().live, live);
    assert.equal(await stateOf(net), before);
    assert.equal(await gradients(), learnt);
    assert.equal(
      net.parameters().map((p) => p.requiresGrad),
      wanted,
    );
    assert.equal(
      [...net.namedModules()].map(([, module]) => module.training),
      modes,
    );
    await assertRejects(gradCam(net, x, { class: 7 }, embedding), 'gradCam: a class of 0 to 6 is wanted, found 7');
    await assertRejects(gradCam(net, x, 'valence'), 'emotion_gcn: the embedding must be 9x300, found none');
    assert.equal(
      net.parameters().map((p) => p.requiresGrad),
      wanted,
      'after an error too',
    );
    assert.equal(
      [...net.namedModules()].map(([, module]) => module.training),
      modes,
      'after an error too',
    );
  }));

async function assertRejects(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await promise.then(
    () => null,
    (e: Error) => e,
  );
  assert.is(error?.message, message);
}

test('the map is of [0, 1] with a place of 1; where nothing raises the score it is 0, not NaN', () =>
  withNet('denselite', 'multi_task', async (net) => {
    net.initialise(3);
    const { maps } = await gradCams(net, image(112), [{ class: 0 }, { class: 1 }, 'valence', 'arousal']);
    for (const { map, size } of maps) {
      assert.is(size, 7);
      assert.is(map.length, 49);
      assert.ok(map.every((v) => v >= 0 && v <= 1));
    }
    assert.ok(maps.some(({ map }) => map.includes(1)));
    // A last map of nothing: the last convolution's sum is far below 0 everywhere.
    const state = await net.stateDict();
    for (const [name, { data }] of state)
      if (/dense3\.conv\d\.pointwise/.test(name)) data.fill(name.endsWith('bias') ? (-1e3 as never) : (0 as never));
    net.loadStateDict(state);
    const dead = await gradCam(net, image(112), { class: 0 });
    assert.ok(dead.map.every((v) => v === 0));
    assert.ok(Number.isFinite(dead.score));
    // A class that is not a number is said, not drawn.
    for (const [name, { data }] of state) if (name === 'lin_cat.bias') data[2] = Number.NaN;
    net.loadStateDict(state);
    await assertRejects(
      gradCam(net, image(112), { class: 2 }),
      'gradCam: the network gives NaN for class 2, and it or its gradient is no finite number',
    );
    await gradCam(net, image(112), { class: 1 });
  }));

test('what cannot be asked is said', async () => {
  const net = buildModel(device, { model: 'single_task', network: 'bregnext', imageSize: 16, A }).initialise(1);
  await assertRejects(gradCam(net, image(), 'arousal'), 'gradCam: this model has no arousal');
  await assertRejects(gradCam(net, image(), { class: 0.5 }), 'gradCam: a class of 0 to 6 is wanted, found 0.5');
  const two = tensor(device, new Float32Array(2 * 3 * 256), [2, 3, 16, 16], { name: 'two' });
  await assertRejects(
    gradCam(net, two, { class: 0 }),
    'gradCam wants one square image [1, 3, S, S], found two[2x3x16x16]',
  );
  release(device, net);
});

test.run();
