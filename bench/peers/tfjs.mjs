// TensorFlow.js on its WebGPU backend, over the same Dawn and adapter: one JSON line {work, ms} a work.
//   node tfjs.mjs FOLDER_WITH_NODE_MODULES FILTER REPEAT      (the driver's environment comes from run.ts)
import { createRequire } from 'node:module';

const [, , folder, filter, repeat] = process.argv;
const load = createRequire(`${folder}/x.js`);
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals);
globalThis.gpu = create([]);
// What it expects of a browser, as far as it looks.
const navigator = { gpu: globalThis.gpu, userAgent: 'node', platform: 'linux' };
Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
globalThis.window = globalThis;
globalThis.document = { createElement: () => ({ getContext: () => null, style: {} }) };
globalThis.location = { search: '', href: '' };
for (const name of ['HTMLVideoElement', 'HTMLCanvasElement', 'HTMLImageElement', 'OffscreenCanvas', 'ImageBitmap'])
  globalThis[name] ??= class {};
globalThis.ImageData ??= class {};
const tf = load('@tensorflow/tfjs');
load('@tensorflow/tfjs-backend-webgpu');
if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs: no WebGPU backend');
await tf.ready();

async function measure(work, compute) {
  if (!work.includes(filter)) return;
  const once = async () => {
    const start = performance.now();
    const result = tf.tidy(() => {
      const out = compute();
      return (Array.isArray(out) ? out[out.length - 1] : out).flatten().slice([0], [1]);
    });
    await result.data();
    result.dispose();
    return performance.now() - start;
  };
  await once();
  const times = [];
  for (let i = 0; i < Number(repeat); i++) times.push(await once());
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ work, ms: times[times.length >> 1] }));
}

const CONVOLUTIONS = [
  [8, 224, 128, 28, 1, 1],
  [8, 992, 128, 7, 1, 1],
  [8, 128, 32, 28, 3, 1],
  [8, 128, 32, 7, 3, 1],
  [16, 64, 64, 32, 3, 1],
];
for (const [n, ci, co, size, k, s] of CONVOLUTIONS) {
  const name = `${k}x${k} ${ci}>${co} @${size} b${n}`;
  const x = tf.randomNormal([n, size, size, ci]);
  const w = tf.randomNormal([k, k, ci, co]);
  const dy = tf.randomNormal([n, size, size, co]);
  await measure(`conv forward ${name}`, () => tf.conv2d(x, w, s, 'same'));
  await measure(`conv backward_data ${name}`, () => tf.conv2dTranspose(dy, w, x.shape, s, 'same'));
  tf.dispose([x, w, dy]);
}

// DenseNet-121 in layers of variables, NHWC, with the loss of its seven classes.
const variables = new Map();
const variable = (name, shape, make) => {
  if (!variables.has(name)) variables.set(name, tf.keep(tf.variable(make(shape), true, name)));
  return variables.get(name);
};
const he = (s) => tf.tidy(() => tf.randomNormal(s).mul(Math.sqrt(2 / (s[0] * s[1] * s[2]))));
const conv = (name, x, co, k, s, p) => tf.conv2d(x, variable(name, [k, k, x.shape[3], co], he), s, p);
const normed = (name, x) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const [beta, gamma] = [tf.zeros, tf.ones].map((f, i) => variable(`${name}.${i}`, [x.shape[3]], (s) => f(s)));
  return tf.relu(tf.batchNorm(x, mean, variance, beta, gamma, 1e-5));
};
function densenet(x) {
  let h = tf.maxPool(normed('n0', conv('c0', x, 64, 7, 2, 3)), 3, 2, 1);
  [6, 12, 24, 16].forEach((layers, b) => {
    for (let l = 0; l < layers; l++) {
      const bottleneck = conv(`${b}.${l}.1`, normed(`${b}.${l}.n1`, h), 128, 1, 1, 0);
      h = tf.concat([h, conv(`${b}.${l}.2`, normed(`${b}.${l}.n2`, bottleneck), 32, 3, 1, 1)], 3);
    }
    if (b < 3) h = tf.avgPool(conv(`t${b}`, normed(`t${b}.n`, h), h.shape[3] / 2, 1, 1, 0), 2, 2, 0);
  });
  return tf.matMul(
    tf.mean(normed('n5', h), [1, 2]),
    variable('fc', [1024, 7], (s) => tf.randomNormal(s)),
  );
}
const batch = (n) => [
  tf.randomNormal([n, 112, 112, 3]),
  tf.oneHot(
    tf.tensor1d(
      Array.from({ length: n }, (_, i) => i % 7),
      'int32',
    ),
    7,
  ),
];
tf.dispose(densenet(tf.zeros([1, 32, 32, 3])));
const sgd = tf.train.momentum(0.001, 0.9);
{
  const [x, y] = batch(8);
  const step = () => sgd.minimize(() => tf.losses.softmaxCrossEntropy(y, densenet(x)), true);
  await measure('step emotion_gcn densenet 112 b8', step);
}
{
  const [x] = batch(1);
  await measure('inference emotion_gcn densenet 112 b1', () => densenet(x));
}
process.exit(0);
