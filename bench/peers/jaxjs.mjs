// jax-js on its WebGPU backend, over the same Dawn and adapter: node jaxjs.mjs FOLDER_WITH_NODE_MODULES
// Arrays are moved into the calls that take them: `.ref` keeps one.
import { pathToFileURL } from 'node:url';
import { filler, offerWebGpu, plain, serve, sizeOf } from './serve.mjs';

await offerWebGpu();
const file = `${process.argv[2]}/node_modules/@jax-js/jax/dist/index.js`;
const {
  numpy: np,
  lax,
  nn,
  jit,
  grad,
  vjp,
  init,
  defaultDevice,
  blockUntilReady,
  tree,
} = await import(pathToFileURL(file).href);
if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js: no WebGPU backend');
defaultDevice('webgpu');

const input = (shape, salt) => np.array(filler(sizeOf(shape), salt)).reshape(shape);

/** Inputs, and a compiled function of them that returns an array of results. */
const TASKS = {
  conv({ pass, n, ci, co, h, oh, k, stride, padding }) {
    const [X, W, Y] = [
      [n, ci, h, h],
      [co, ci, k, k],
      [n, co, oh, oh],
    ];
    const pads = [
      [padding, padding],
      [padding, padding],
    ];
    const conv = (x, w) => lax.convGeneralDilated(x, w, [stride, stride], pads);
    if (pass === 'forward') return [[input(X, 0), input(W, 1)], (x, w) => [conv(x, w)]];
    // A convolution is linear in each operand: its transpose needs no forward pass.
    const transposed = (of, at, dy) => vjp(of, [at])[1](dy);
    if (pass === 'backward_data')
      return [[input(X, 0), input(W, 1), input(Y, 2)], (x, w, dy) => transposed((x) => conv(x, w), x, dy)];
    return [[input(X, 0), input(W, 1), input(Y, 2)], (x, w, dy) => transposed((w) => conv(x, w), w, dy)];
  },
  matmul({ pass, m, k, n, turned }) {
    const [a, b, dy] = [input([m, k], 0), input(turned ? [n, k] : [k, n], 1), input([m, n], 2)];
    const flip = (t, on) => (on ? t.transpose() : t);
    if (pass === 'forward') return [[a, b], (a, b) => [np.matmul(a, flip(b, turned))]];
    if (pass === 'backward_a') return [[dy, b], (dy, b) => [np.matmul(dy, flip(b, !turned))]];
    return [[a, dy], (a, dy) => [turned ? np.matmul(dy.transpose(), a) : np.matmul(a.transpose(), dy)]];
  },
  norm({ pass, n, c, h, activation }) {
    const X = [n, c, h, h];
    const channels = (salt) => input([1, c, 1, 1], salt);
    const over = [[0, 2, 3], { keepdims: true }];
    const forward = (x, gamma, beta) => {
      const centred = x.ref.sub(np.mean(x, ...over));
      const variance = np.mean(centred.ref.mul(centred.ref), ...over);
      const normal = centred.mul(np.reciprocal(np.sqrt(variance.add(1e-5))));
      return nn[activation](normal.mul(gamma).add(beta));
    };
    const inputs = [input(X, 0), channels(1), channels(2)];
    if (pass.startsWith('forward ')) return [inputs, (x, gamma, beta) => [forward(x, gamma, beta)]];
    const weighed = (dy) => (x, gamma, beta) => forward(x, gamma, beta).mul(dy).sum();
    const all = { argnums: [0, 1, 2] };
    return [[...inputs, input(X, 3)], (x, gamma, beta, dy) => grad(weighed(dy), all)(x, gamma, beta)];
  },
};

await serve((task) => {
  const [inputs, compute] = TASKS[task.op](task);
  const compiled = jit(compute);
  return {
    compute: () => compiled(...inputs.map((t) => t.ref)),
    free: (result) => tree.dispose(result),
    wait: blockUntilReady,
    values: async (result) => (await Promise.all(result.map((t) => t.ref.data()))).map(plain),
    lazy: true,
    end() {
      tree.dispose(inputs);
      compiled.dispose?.();
    },
  };
});
