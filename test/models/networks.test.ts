// Networks at work: training and evaluation, what they refuse, and the memory that they take.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  backward,
  cccLoss,
  crossEntropy,
  labels,
  noGrad,
  readAll,
  SGD,
  step,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { buildModel, Counter, checkImageSize, type EmotionModel, type Module, type Prediction } from '../../src/models';
import { near } from '../autograd/helpers';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { uniform } from '../hashinit';
import { A, NETS, quiet, withNet } from './networks';

const test = suite('networks');

const images = (n: number, size: number, name = 'images'): Tensor =>
  tensor(device, uniform(name, n * 3 * size * size, 0, 1.75), [n, 3, size, size], { name });
const embedding = tensor(device, uniform('embedding', 2700, 0, 0.5), [9, 300], { name: 'embedding' });

const counters = async (net: Module): Promise<number[]> =>
  (await readAll([...net.namedState().values()].filter((t) => t instanceof Counter).map((t) => t.tensor))).map(
    ([count]) => count,
  );

const running = async (net: Module): Promise<Float32Array[]> => {
  const out: Float32Array[] = [];
  for (const [name, t] of net.namedState())
    if (/running_(mean|var)$/.test(name) && !(t instanceof Counter)) out.push(await t.data());
  return out;
};

const look = (net: EmotionModel, x: Tensor): Prediction => step(device, () => noGrad(() => net.forward(x, embedding)));

test('training counts batches and moves the running statistics, evaluation and dry runs do neither', () =>
  withNet('bregnext', 'multi_task', async (net) => {
    const x = images(4, 16);
    net.initialise(1);
    const start = await running(net);
    net.eval();
    assert.ok([...net.namedModules()].every(([, m]) => !m.training));
    look(net, x);
    assert.ok((await counters(net)).every((n) => n === 0));
    assert.equal(await running(net), start);
    net.train();
    device.dryRun(() => net.forward(x));
    assert.ok((await counters(net)).every((n) => n === 0));
    look(net, x);
    look(net, x);
    const counts = await counters(net);
    assert.ok(counts.length > 40 && counts.every((n) => n === 2), `${counts}`);
    const moved = await running(net);
    assert.ok(moved.every((values, i) => values.some((v, k) => v !== start[i][k])));
  }));

test('in evaluation an image is seen on its own, in training with its batch', () =>
  withNet('bregnext', 'emotion_gcn', async (net) => {
    const [one, other, third] = ['one', 'other', 'third'].map((name) => uniform(name, 3 * 256, 0, 1.75));
    const beside = async (second: Float32Array): Promise<Float32Array> => {
      const both = tensor(device, Float32Array.of(...one, ...second), [2, 3, 16, 16]);
      return (await look(net, both).logits.data()).subarray(0, 7);
    };
    net.initialise(2).eval();
    const alone = await look(net, tensor(device, one, [1, 3, 16, 16])).logits.data();
    near(await beside(other), alone, 1e-5);
    near(await beside(third), alone, 1e-5);
    net.train();
    const [a, b] = [await beside(other), await beside(third)];
    assert.ok(Math.hypot(...a.map((v, i) => v - b[i])) > 0.1 * Math.hypot(...a), `${a} and ${b}`);
  }));

test('without gradients a network keeps nothing but its result', () =>
  withNet('bregnext', 'multi_task', async (net) => {
    const x = images(4, 32);
    net.initialise(1).eval();
    look(net, x); // what norms are by their running statistics is made once, and kept
    await quiet();
    const { live } = device.stats();
    const peakOf = (fn: () => unknown): number => {
      device.pool.resetPeak();
      device.scope(fn, () => []);
      return device.stats().peak - live;
    };
    const activation = 4 * 32 * 32 * 32 * 4;
    const light = peakOf(() => noGrad(() => net.forward(x)));
    assert.ok(light < 8 * activation, `${light} bytes, an activation has ${activation}`);
    const heavy = peakOf(() => net.forward(x));
    assert.ok(heavy > 4 * light, `${heavy} bytes with the tape, ${light} without`);
    assert.is(device.stats().live, live);
    // Outside a step as well: the result alone lives on, in two blocks of 256 bytes or the next larger ones that are free.
    const out = noGrad(() => net.forward(x));
    const kept = device.stats().live - live;
    assert.ok(kept >= 512 && kept <= 2 * (256 + 4096), `${kept} bytes kept`);
    assert.is(out.logits.shape.join(), '4,7');
  }));

test('a steady training step of a whole network creates nothing and keeps nothing', () =>
  withNet('bregnext', 'emotion_gcn', async (net) => {
    const optimizer = new SGD(net.initialise(1).parameters(), { lr: 1e-3, momentum: 0.9 });
    const train = (s: number): Tensor =>
      step(device, () => {
        optimizer.zeroGrad();
        const { logits, va } = net.forward(images(4, 16, `step ${s}`), embedding);
        const truth = tensor(device, uniform(`va ${s}`, 8, 0, 0.9), [4, 2]);
        const loss = add(crossEntropy(logits, labels(device, [s % 7, 1, 2, 3], 7)), cccLoss(va as Tensor, truth));
        backward(loss);
        optimizer.step();
        return loss;
      });
    await quiet();
    const counts: object[] = [];
    for (let s = 0; s < 10; s++) {
      const loss = train(s);
      assert.ok(Number.isFinite(await loss.item()));
      device.free(loss.storage);
      const { live, held, buffers, bindGroups, pipelines, uniformBytes } = device.stats();
      counts.push({ live, held, buffers, bindGroups, pipelines, uniformBytes });
    }
    // The first steps find the pool as earlier tests left it, and take what it lacks.
    for (const later of counts.slice(7)) assert.equal(later, counts[6]);
    assert.is(net.namedState().get('A'), net.parameters()[0]);
    assert.is(net.parameters()[0].grad, null, 'A gets no gradient');
  }));

const takes = (config: Parameters<typeof checkImageSize>[0]): boolean => {
  try {
    checkImageSize(config);
    return true;
  } catch (e) {
    assert.instance(e, InputError);
    assert.match((e as Error).message, /^imageSize expects .+ for \w+ on \w+, found [\d.]+$/);
    return false;
  }
};

test('image sizes: what is refused, and that what is taken works', () => {
  const sizes = [3, 4, 6, 28, 28.5, 29, 33, 92, 93, 112, 188, 189, 224, 227];
  const expected: Record<string, number[]> = {
    'densenet emotion_gcn': [93, 112, 188, 227],
    densenet: [29, 33, 92, 93, 112, 188, 189, 224, 227],
    bregnext: [4, 28, 92, 112, 188, 224],
    denselite: [33, 92, 93, 112, 188, 189, 224, 227],
    mobilenet: [33, 92, 93, 112, 188, 189, 224, 227],
  };
  for (const { network, model } of NETS) {
    const taken = sizes.filter((imageSize) => takes({ network, model, imageSize }));
    assert.equal(taken, expected[`${network} ${model}`] ?? expected[network], `${model} on ${network}`);
    for (const imageSize of taken) {
      const net = buildModel(device, { network, model, imageSize, A });
      const { layers } = net.summarise({ imageSize, batch: 2 });
      assert.ok(layers.length > 25);
      release(device, net);
    }
  }
  assert.throws(
    () => buildModel(device, { network: 'densenet', model: 'emotion_gcn', imageSize: 224 }),
    'imageSize expects 227, or 93 to 188 (its last map must be 3 to 5 wide) for emotion_gcn on densenet, found 224',
  );
});

test('emotion_gcn says what it lacks: a graph, word vectors, images in colour', () => {
  const config = { network: 'bregnext', model: 'emotion_gcn', imageSize: 16 } as const;
  const [bare, net] = [buildModel(device, config), buildModel(device, { ...config, A })];
  const x = images(2, 16);
  device.dryRun(() => {
    assert.throws(() => bare.forward(x, embedding), /no graph yet: give buildModel its A, or load a state dict/);
    assert.throws(() => net.forward(x), /the embedding must be 9x300, found none/);
    assert.throws(
      () => net.forward(x, tensor(device, new Float32Array(9), [9, 1])),
      /must be 9x300, found tensor\[9x1\]/,
    );
    const grey = tensor(device, new Float32Array(512), [2, 1, 16, 16], { name: 'grey' });
    assert.throws(() => net.forward(grey, embedding), /weight expects 3 channels, x has 1; x is grey\[2x1x16x16\]/);
  });
  for (const n of [bare, net]) release(device, n);
});

test.run();
