// The two networks in TensorFlow.js, NHWC, with a linear head (ours has the GCN's), SGD with momentum and cross entropy.
import { filler } from './serve.mjs';

/** A training step or an inference as a task of tfjs.mjs. */
export function networkTask(tf, { op, network, size, batch }) {
  const training = op === 'step';
  const variables = new Map();
  const variable = (name, shape, make) => {
    if (!variables.has(name)) variables.set(name, tf.keep(tf.variable(make(shape), true)));
    return variables.get(name);
  };
  const he = (s) => tf.tidy(() => tf.randomNormal(s).mul(Math.sqrt(2 / (s[0] * s[1] * s[2]))));
  const conv = (name, x, co, k, s, p) => tf.conv2d(x, variable(name, [k, k, x.shape[3], co], he), s, p);
  const constant = (name, channels, value) => variable(name, [channels], (s) => tf.fill(s, value));
  const norm = (name, x) => {
    const c = x.shape[3];
    const { mean, variance } = training
      ? tf.moments(x, [0, 1, 2])
      : { mean: constant(`${name}.mean`, c, 0), variance: constant(`${name}.variance`, c, 1) };
    const [beta, gamma] = [constant(`${name}.beta`, c, 0), constant(`${name}.gamma`, c, 1)];
    return tf.batchNorm(x, mean, variance, beta, gamma, 1e-5);
  };
  const layers = { tf, conv, norm, constant };
  const forward = (x) => {
    const features = (network === 'densenet' ? densenet : bregnext)(layers, x);
    const small = (s) => tf.tidy(() => tf.randomNormal(s).mul(0.03));
    return tf.matMul(features, variable('head', [features.shape[1], 7], small));
  };

  const x = tf.tensor(filler(batch * size * size * 3, 0), [batch, size, size, 3]);
  const classes = Array.from({ length: batch }, (_, i) => i % 7);
  const truth = tf.oneHot(tf.tensor1d(classes, 'int32'), 7);
  const optimizer = tf.train.momentum(1e-4, 0.9);
  const loss = () => tf.losses.softmaxCrossEntropy(truth, forward(x));
  // `minimize` takes the variables that there are: they must exist before the first step.
  tf.tidy(() => forward(tf.zeros([1, network === 'densenet' ? 32 : 4, network === 'densenet' ? 32 : 4, 3])));
  const first = variables.get('c0');
  return {
    inputs: [x, truth, ...variables.values()],
    kinds: training
      ? [
          [[], 'plain'],
          [first.shape, 'plain'],
        ]
      : [[[batch, 7], 'plain']],
    // A step's loss, and the weights that its gradient reaches last.
    compute: () => (training ? [optimizer.minimize(loss, true), first.clone()] : [tf.tidy(() => forward(x))]),
  };
}

function densenet({ tf, conv, norm }, x) {
  const active = (name, y) => tf.relu(norm(name, y));
  let h = tf.maxPool(active('n0', conv('c0', x, 64, 7, 2, 3)), 3, 2, 1);
  [6, 12, 24, 16].forEach((count, b) => {
    for (let l = 0; l < count; l++) {
      const bottleneck = conv(`${b}.${l}.c1`, active(`${b}.${l}.n1`, h), 128, 1, 1, 0);
      h = tf.concat([h, conv(`${b}.${l}.c2`, active(`${b}.${l}.n2`, bottleneck), 32, 3, 1, 1)], 3);
    }
    if (b < 3) h = tf.avgPool(conv(`t${b}.c`, active(`t${b}.n`, h), h.shape[3] / 2, 1, 1, 0), 2, 2, 0);
  });
  return tf.mean(norm('n5', h), [1, 2]);
}

function bregnext({ tf, conv, norm, constant }, x) {
  const shortcut = (name, y) => {
    const [a, c] = [constant(`${name}.a`, 1, 1), constant(`${name}.c`, 1, 1)];
    const s = tf.sqrt(tf.add(tf.square(c), 1));
    return tf.div(tf.atan(tf.div(tf.mul(a, y), s)), tf.mul(a, s));
  };
  const layer = (name, y, channels, stride) => {
    const inner = conv(`${name}.c0`, tf.elu(norm(`${name}.n0`, y)), channels, 3, stride, 1);
    const outer = conv(`${name}.c1`, tf.elu(norm(`${name}.n1`, inner)), channels, 3, 1, 1);
    let skip = shortcut(name, y);
    if (stride > 1) skip = tf.avgPool(skip, stride, stride, 0);
    const side = (channels - y.shape[3]) / 2;
    if (side > 0)
      skip = tf.pad(skip, [
        [0, 0],
        [0, 0],
        [0, 0],
        [side, side],
      ]);
    return tf.add(outer, skip);
  };
  let h = conv('c0', x, 32, 3, 1, 1);
  const blocks = [
    [7, 32, 1],
    [1, 64, 2],
    [8, 64, 1],
    [1, 128, 2],
    [7, 128, 1],
  ];
  for (const [b, [count, channels, stride]] of blocks.entries())
    for (let l = 0; l < count; l++) h = layer(`${b}.${l}`, h, channels, stride);
  return tf.mean(tf.elu(norm('n', h)), [1, 2]);
}
