// mobilenet with the weights of faceres-deep, held to a reference in double precision (make_goldens.py of face_weights).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, backward, cccLoss, crossEntropy, labels, step, type Tensor, tensor } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { readFaceres } from '../../src/data/faceres';
import { buildModel, inputOf, MobileNetFeatures, mobileNetState, observe } from '../../src/models';
import { golden } from '../faces/goldens';
import { given } from '../given';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { integers, parameter } from '../hashinit';

const test = suite('mobilenet weights');
const SIDE = 224;

/** The weights in this user's cache; null: none were fetched. */
const weights = (() => {
  try {
    return mobileNetState(readFaceres());
  } catch {
    return null;
  }
})();
const here = given(test, weights !== null, 'faceres-deep in the cache; --pretrained faces fetches it');

/** The goldens' three pictures as the network wants them, [3, 3, S, S]. */
function images(): Tensor {
  const { picture } = golden('mobilenet_faceres-deep');
  const pictures = [
    picture('pixels.0').data,
    picture('pixels.1').data,
    integers('mobilenet/input', 3 * SIDE * SIDE, 0, 256),
  ];
  const { order, mean, std, scale } = inputOf('mobilenet');
  const plane = SIDE * SIDE;
  const x = Float32Array.from({ length: 3 * 3 * plane }, (_, i) => {
    const [n, c, at] = [Math.floor(i / 3 / plane), Math.floor(i / plane) % 3, i % plane];
    return (pictures[n][3 * at + (order === 'bgr' ? 2 - c : c)] * scale - mean[c]) / std[c];
  });
  return tensor(device, x, [3, 3, SIDE, SIDE]);
}

// Of the largest. tfjs in float32 is off by 1.4e-6 (features) and 2.4e-6 (activations): four times that.
const [FEATURES, MAPS] = [6e-6, 1e-5];

here("features and all 27 maps are the reference's, in BGR about VGG's mean", async () => {
  const { numbers, metadata } = golden('mobilenet_faceres-deep');
  const net = new MobileNetFeatures(device);
  net.loadStateDict(weights!, 'faceres-deep');
  const maps = new Map<string, Tensor>();
  const names = new Map([...net.namedModules()].map(([name, m]) => [m, name]));
  const { features } = step(device, () => {
    const features = observe(
      (m, y) => maps.set(names.get(m) ?? '', y),
      () => net.forward(images()),
    );
    return { features, kept: [...maps.values()] };
  });
  close(await features.data(), numbers('features'), FEATURES, 'features');
  const samples = numbers('act.sample');
  for (const [row, name] of (JSON.parse(metadata['act.names']) as string[]).entries()) {
    const map = maps.get(name)!;
    const [n, c, h, w] = map.shape;
    assert.equal([n, h, w, c], JSON.parse(metadata['act.shapes'])[row], name);
    const values = await map.data();
    // The samples are of the map with its channels last; the network's own maps are before ReLU6.
    const got = Array.from({ length: 128 }, (_, k) => {
      const at = Math.floor((k * values.length) / 128);
      const [image, pixel, channel] = [Math.floor(at / (h * w * c)), Math.floor(at / c) % (h * w), at % c];
      return Math.min(Math.max(values[(image * c + channel) * h * w + pixel], 0), 6);
    });
    close(got, samples.subarray(row * 128, row * 128 + 128), MAPS, name);
  }
});

/** To `tolerance` of the largest. */
function close(got: ArrayLike<number>, expected: Float64Array, tolerance: number, what: string): void {
  assert.is(got.length, expected.length, what);
  const size = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  expected.forEach((v, i) => {
    assert.ok(Math.abs(got[i] - v) <= tolerance * size, `${what}[${i}]: ${got[i]}, expected ${v}`);
  });
}

// Four times what PyTorch's float32 is off, oneDNN on and off. Up to conv_pw_11 some activations fall on another side of 0 or 6 in
// float32, which changes gradients by much more than rounding does; from conv_dw_12 on none does.
const LOSSES = 4e-6;
/** Of a gradient's norm, and of its first 16 numbers'. */
const [FLIPPED, WHOLE] = [
  [2.6e-3, 7e-3],
  [1.2e-6, 1.4e-5],
];

here('one step of emotion_gcn: losses and the gradient of every parameter', async () => {
  const { numbers, metadata, shape } = golden('mobilenet_step');
  const [nodes, words] = shape('emb');
  const A = Float32Array.from(numbers('A'));
  const model = buildModel(device, { model: 'emotion_gcn', network: 'mobilenet', imageSize: SIDE, A });
  const state = await model.stateDict();
  for (const [name, entry] of weights!) state.set(`features.${name}`, entry);
  // The golden's head reads 100 numbers a word; further ones that are 0 change nothing, whatever their rows of the weight.
  const wide = new Float32Array(300 * 512).fill(0.01);
  wide.set(parameter('gc1.weight', [words, 512], 0));
  state.set('gc1.weight', { shape: [300, 512], data: wide });
  state.set('gc2.weight', { shape: [512, 1024], data: parameter('gc2.weight', [512, 1024], 0) });
  model.loadStateDict(state, 'the golden');
  const embedding = new Float32Array(nodes * 300);
  numbers('emb').forEach((v, i) => {
    embedding[Math.floor(i / words) * 300 + (i % words)] = v;
  });
  const parts = step(device, () => {
    const { logits, va } = model.forward(images(), tensor(device, embedding, [nodes, 300]));
    const cat = crossEntropy(logits, labels(device, [...numbers('labels')], 7));
    const con = cccLoss(va as Tensor, tensor(device, Float32Array.from(numbers('va')), [3, 2]));
    const total = add(cat, con);
    backward(total);
    return [total, cat, con];
  });
  const losses = numbers('loss');
  for (const [i, loss] of parts.entries()) assert.ok(Math.abs((await loss.item()) - losses[i]) <= LOSSES);
  const parameters = new Map([...model.namedParameters()].map(([name, t]) => [name.replace('features.', ''), t]));
  const [norms, heads] = [numbers('grad.norm'), numbers('grad.head')];
  const names = JSON.parse(metadata['grad.names']) as string[];
  assert.is(names.length, parameters.size - 1, 'all but A');
  for (const [row, name] of names.entries()) {
    const all = await (parameters.get(name)!.grad as Tensor).data();
    const got = name === 'gc1.weight' ? all.subarray(0, words * 512) : all;
    const [ofNorm, ofHead] = row < names.indexOf('conv_dw_12.weight') ? FLIPPED : WHOLE;
    assert.ok(Math.abs(length(got) - norms[row]) <= ofNorm * norms[row], `${name}: norm ${length(got)}, ${norms[row]}`);
    const head = heads.subarray(row * 16, row * 16 + Math.min(16, got.length));
    const off = length(head.map((v, i) => v - got[i]));
    assert.ok(off <= ofHead * length(head), `${name}: ${got.subarray(0, 16)}, expected ${head}`);
    if (name === 'gc1.weight') assert.ok(all.subarray(words * 512).every((v) => v === 0));
  }
  release(device, model);
});

const length = (v: ArrayLike<number>): number => Math.sqrt(Array.from(v).reduce((s, x) => s + x * x, 0));

test('each depthwise kernel is multiplied by the scale of its channel, all axes are ours; one without a scale is refused', () => {
  const range = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i + 1);
  const given = {
    'conv1/convolution/merged_input': { shape: [3, 3, 3, 2], data: range(54) },
    'conv1_bn/batchnorm_1/sub': { shape: [2], data: range(2) },
    'conv_dw_1/depthwise_kernel': { shape: [3, 3, 2, 1], data: range(18) },
    'conv_dw_1_bn/batchnorm_1/mul': { shape: [2], data: Float32Array.of(10, -1) },
    'conv_dw_1_bn/batchnorm_1/sub': { shape: [2], data: range(2) },
    'conv_dw_1_relu/Const_1': { shape: [], data: range(1) },
    'feats/bias': { shape: [2], data: range(2) },
  };
  const state = mobileNetState(new Map(Object.entries(given)));
  assert.equal(
    [...state].map(([name, { shape }]) => [name, shape]),
    [
      ['conv1.weight', [2, 3, 3, 3]],
      ['conv1.bias', [2]],
      ['conv_dw_1.weight', [2, 1, 3, 3]],
      ['conv_dw_1.bias', [2]],
    ],
  );
  assert.equal([...state.get('conv_dw_1.weight')!.data].slice(0, 3), [10, 30, 50]);
  assert.equal([...state.get('conv_dw_1.weight')!.data].slice(9, 12), [-2, -4, -6]);
  // Kernel 1, input 2, row 0, column 1.
  assert.is(state.get('conv1.weight')!.data[(1 * 3 + 2) * 9 + 1], ((0 * 3 + 1) * 3 + 2) * 2 + 1 + 1);
  for (const mul of [undefined, { shape: [1], data: range(1) }]) {
    const without = Object.entries({ ...given, 'conv_dw_1_bn/batchnorm_1/mul': mul }).filter(([, v]) => v);
    assert.throws(
      () => mobileNetState(new Map(without as [string, { shape: number[]; data: Float32Array }][])),
      (e: Error) => e instanceof InputError && /conv_dw_1_bn\/batchnorm_1\/mul of its channels, found/.test(e.message),
    );
  }
});

test.run();
