// What results are stored as: ops give what they get, but matrix products, sums and losses f32, and so does f16 beside f32. On the mock device.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { BatchNorm2d } from '../../src/models';
import { mockDevice } from '../mock_gpu';

const test = suite('types of results');
const { device } = await mockDevice({ features: ['shader-f16'] });

const t = (shape: readonly number[], dtype: 'f32' | 'f16' = 'f32', layout?: F.Layout): F.Tensor =>
  F.empty(device, shape, { dtype, layout });
const w = t([4, 4, 1, 1], 'f32', 'taps');
const norm = new BatchNorm2d(device, 4).tensors;
const mode = { training: true };
const graph = F.csr(device, 1, 2, [0, 1], [1], [1]);

/** Of x [2, 4, 2, 2] and m [2, 4]. */
const AS_THEY_GET: Readonly<Record<string, (x: F.Tensor, m: F.Tensor) => F.Tensor>> = {
  relu: (x) => F.relu(x),
  'a number': (x) => F.mul(x, 2),
  add: (x) => F.add(x, x),
  broadcast: (x, m) => F.add(x, F.reshape(m, [2, 4, 1, 1])),
  conv2d: (x) => F.conv2d(x, w, t([4])),
  batchNorm: (x) => F.batchNorm(x, norm, mode),
  batchNormConv2d: (x) => F.batchNormConv2d(x, norm, mode, 'relu', w, null, {}),
  batchNormAvgPool2d: (x) => F.batchNormAvgPool2d(x, norm, mode, 'relu'),
  maxPool2d: (x) => F.maxPool2d(x, { kernel: 2 }),
  avgPool2d: (x) => F.avgPool2d(x, { kernel: 2 }),
  adaptiveAvgPool2d: (x) => F.adaptiveAvgPool2d(x, 2),
  resizeBilinear: (x) => F.resizeBilinear(x, [3, 3]),
  dropout: (x) => F.dropout(x, 0.5, { seed: 1, stream: 0, training: true }),
  concat: (x) => F.concat([x, x]),
  sliceChannels: (x) => F.sliceChannels(x, 1, 2),
  padChannels: (x) => F.padChannels(x, 1, 0),
  reshape: (x) => F.reshape(x, [2, 16]),
  transpose: (_, m) => F.transpose(m),
  shortcut: (x) => F.shortcut(x, t([1]), t([1])),
};
const F32: typeof AS_THEY_GET = {
  matmul: (_, m) => F.matmul(m, m, { transposeB: true }),
  linear: (_, m) => F.linear(m, t([3, 4]), t([3])),
  spmm: (_, m) => F.spmm(graph, m),
  float: (x) => F.float(x),
  sum: (x) => F.sum(x),
  mean: (x) => F.mean(x, { axes: [0] }),
  'global average': (x) => F.adaptiveAvgPool2d(x, 1),
  logSoftmax: (_, m) => F.logSoftmax(m),
  crossEntropy: (_, m) => F.crossEntropy(m, F.labels(device, [0, 3], 4)),
  ccc: (_, m) => F.ccc(m, m),
  mse: (x) => F.mse(x, x),
  'f16 beside f32': (x) => F.sub(x, t([2, 4, 2, 2])),
  'f32 beside f16': (x) => F.sub(t([2, 4, 2, 2]), x),
  'broadcast beside f32': (x) => F.mul(x, t([1])),
  'concat of both': (x) => F.concat([x, t([2, 1, 2, 2])]),
  'concat of both, f32 first': (x) => F.concat([t([2, 1, 2, 2]), x]),
};

for (const dtype of ['f32', 'f16'] as const) {
  const leaves = () =>
    [
      [2, 4, 2, 2],
      [2, 4],
    ].map((shape) => F.empty(device, shape, { dtype, requiresGrad: true }));
  for (const [ops, expected] of [
    [AS_THEY_GET, dtype],
    [F32, 'f32'],
  ] as const)
    for (const [name, run] of Object.entries(ops))
      test(`${name} of ${dtype}: ${expected}, and its gradient ${dtype}`, () => {
        const [x, m] = leaves();
        const y = run(x, m);
        assert.is(y.dtype, expected);
        F.backward(y, F.empty(device, y.shape, { dtype: expected, layout: y.layout }));
        const grads = [x.grad, m.grad].filter((grad) => grad !== null);
        assert.ok(grads.length > 0);
        for (const grad of grads) assert.is(grad.dtype, dtype);
      });
}

test.run();
