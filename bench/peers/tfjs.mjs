// TensorFlow.js on its WebGPU backend, over the same Dawn and adapter: node tfjs.mjs FOLDER_WITH_NODE_MODULES
import { createRequire } from 'node:module';
import { filler, offerWebGpu, serve, sizeOf } from './serve.mjs';
import { networkTask } from './tfjs_networks.mjs';

const load = createRequire(`${process.argv[2]}/x.js`);
await offerWebGpu();
// What it expects of a browser, as far as it looks.
globalThis.window = globalThis;
globalThis.document = { createElement: () => ({ getContext: () => null, style: {} }) };
globalThis.location = { search: '', href: '' };
const classes = ['HTMLVideoElement', 'HTMLCanvasElement', 'HTMLImageElement', 'OffscreenCanvas', 'ImageBitmap'];
for (const name of [...classes, 'ImageData']) globalThis[name] ??= class {};
const tf = load('@tensorflow/tfjs');
load('@tensorflow/tfjs-backend-webgpu');
if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs: no WebGPU backend');
await tf.ready();

let peak = 0;
const engine = tf.engine();
const runKernel = engine.runKernelFunc;
engine.runKernelFunc = function (...args) {
  const result = runKernel.apply(this, args);
  peak = Math.max(peak, this.state.numBytes);
  return result;
};

/** Memory order of each kind of array: axes of the logical shape. */
const ORDERS = { map: [0, 2, 3, 1], weight: [2, 3, 1, 0], plain: null };

/** Strides of the logical axes in memory. */
function strides(shape, order) {
  const axes = order ?? shape.map((_, i) => i);
  const out = new Array(shape.length);
  axes.reduceRight((step, axis) => {
    out[axis] = step;
    return step * shape[axis];
  }, 1);
  return out;
}

/** Where element i of the logical order lies in memory. */
function place(i, shape, steps) {
  let at = 0;
  for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
    at += (rest % shape[axis]) * steps[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return at;
}

function input(shape, salt, kind = 'plain') {
  const order = ORDERS[kind];
  const logical = filler(sizeOf(shape), salt);
  if (!order) return tf.tensor(logical, shape);
  const steps = strides(shape, order);
  const data = new Float32Array(logical.length);
  logical.forEach((v, i) => {
    data[place(i, shape, steps)] = v;
  });
  const inMemory = order.map((axis) => shape[axis]);
  return tf.tensor(data, inMemory);
}

/** A task of one op: inputs, what to compute, and how the results are to be read. */
const TASKS = {
  conv({ pass, n, ci, co, h, oh, k, stride, padding }) {
    const [X, W, Y] = [
      [n, ci, h, h],
      [co, ci, k, k],
      [n, co, oh, oh],
    ];
    const pad = padding;
    if (pass === 'forward') {
      const [x, w] = [input(X, 0, 'map'), input(W, 1, 'weight')];
      return { inputs: [x, w], kinds: [[Y, 'map']], compute: () => [tf.conv2d(x, w, stride, pad)] };
    }
    if (pass === 'backward_data') {
      const [dy, w] = [input(Y, 2, 'map'), input(W, 1, 'weight')];
      const compute = () => [tf.conv2dTranspose(dy, w, [n, h, h, ci], stride, pad)];
      return { inputs: [dy, w], kinds: [[X, 'map']], compute };
    }
    const [x, dy] = [input(X, 0, 'map'), input(Y, 2, 'map')];
    const attributes = { strides: [stride, stride], pad, dataFormat: 'NHWC', filterShape: [k, k, ci, co] };
    const compute = () => [engine.runKernel('Conv2DBackpropFilter', { x, dy }, attributes)];
    return { inputs: [x, dy], kinds: [[W, 'weight']], compute };
  },
  matmul({ pass, m, k, n, turned }) {
    const B = turned ? [n, k] : [k, n];
    const [a, b, dy] = [input([m, k], 0), input(B, 1), input([m, n], 2)];
    const passes = {
      forward: [[m, n], () => tf.matMul(a, b, false, !!turned)],
      backward_a: [[m, k], () => tf.matMul(dy, b, false, !turned)],
      backward_b: [B, () => (turned ? tf.matMul(dy, a, true, false) : tf.matMul(a, dy, true, false))],
    };
    const [shape, compute] = passes[pass];
    return { inputs: [a, b, dy], kinds: [[shape, 'plain']], compute: () => [compute()] };
  },
  norm({ pass, n, c, h, activation }) {
    const X = [n, c, h, h];
    const [x, gamma, beta, dy] = [input(X, 0, 'map'), input([c], 1), input([c], 2), input(X, 3, 'map')];
    const forward = (x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf[activation](tf.batchNorm(x, mean, variance, beta, gamma, 1e-5));
    };
    const inputs = [x, gamma, beta, dy];
    if (pass.startsWith('forward ')) {
      return { inputs, kinds: [[X, 'map']], compute: () => [tf.tidy(() => forward(x, gamma, beta))] };
    }
    const gradients = tf.grads(forward);
    const kinds = [
      [X, 'map'],
      [[c], 'plain'],
      [[c], 'plain'],
    ];
    return { inputs, kinds, compute: () => tf.tidy(() => gradients([x, gamma, beta], dy)) };
  },
  step: (task) => networkTask(tf, task),
  inference: (task) => networkTask(tf, task),
};

await serve((task) => {
  const { inputs, kinds, compute } = TASKS[task.op](task);
  peak = 0;
  return {
    compute,
    free: (result) => tf.dispose(result),
    // One number of the last array: what comes before it on the queue is done as well.
    async wait(result) {
      const one = tf.tidy(() => result.at(-1).flatten().slice([0], [1]));
      await one.data();
      one.dispose();
    },
    async values(result) {
      const read = await Promise.all(result.map((t) => t.data()));
      return kinds.map(([shape, kind], r) => {
        const steps = strides(shape, ORDERS[kind]);
        return { size: sizeOf(shape), at: (i) => read[r][place(i, shape, steps)] };
      });
    },
    memory: () => peak,
    end: () => tf.dispose(inputs),
  };
});
