import { InputError } from '../../base/errors';
import type { Device } from '../../device';
import * as kernels from '../../kernels/cross_entropy';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor, tensor } from '../tensor';
import { float } from './cast';
import { wantFloat32 } from './check';

/**
 * Class numbers as a tensor of u32, [N].
 * @throws InputError for a label that is no whole number from 0 to classes - 1, naming its place.
 * @example
 * await labels(device, [2, 0], 3).data(); // [2, 0]
 */
export function labels(device: Device, data: ArrayLike<number>, classes: number): Tensor {
  for (let i = 0; i < data.length; i++) {
    const label = data[i];
    if (!(Number.isInteger(label) && label >= 0 && label < classes))
      throw new InputError(`label ${i}: expected 0 to ${classes - 1}, found ${label}`);
  }
  return tensor(device, Uint32Array.from(data), [data.length], { name: 'labels' });
}

/**
 * log(softmax(x)) along the columns, stable for logits of any size. x [N, C]; returns [N, C].
 * @throws InputError when x is no matrix.
 * @example
 * await logSoftmax(tensor(device, [0, 0], [1, 2])).data(); // [-0.6931, -0.6931]
 */
export function logSoftmax(x: Tensor): Tensor {
  if (x.shape.length !== 2 || x.layout !== 'rows') throw new InputError(`log_softmax: expected [N, C], found ${x}`);
  x = float(x);
  const { device } = x;
  const y = empty(device, x.shape, { name: 'log_softmax' });
  kernels.logSoftmax(device, matrixOf(x), matrixOf(y));
  record('log_softmax', [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) kernels.logSoftmaxBackward(device, matrixOf(y), matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}

/**
 * Cross entropy of logits [N, C] (a channel slice will do) against labels [N], u32, as PyTorch's: the mean of
 * -log_softmax(logits)[i, labels[i]], weighted with weight[labels[i]] (and divided by the sum of those weights) where there
 * is a weight [C]. Label smoothing (Szegedy et al. 2016) gives the label 1 - `smoothing` and every class smoothing / C:
 * the addend of i becomes (1 - smoothing) weight[labels[i]] -log_softmax[i, labels[i]] + smoothing / C * the sum over j of
 * weight[j] -log_softmax[i, j], the divisor stays. Where it is
 * 0 it counts as 1 (PyTorch gives NaN). Returns [1]. Labels must be below C: make them with `labels`, which looks.
 * @throws InputError when shapes do not fit, labels are not u32, or smoothing is not from 0 to 1.
 * @example
 * const logits = tensor(device, [2, 0, 0, 2], [2, 2]);
 * await crossEntropy(logits, labels(device, [0, 1], 2)).item(); // 0.1269
 */
export function crossEntropy(logits: Tensor, labels: Tensor, weight: Tensor | null = null, smoothing = 0): Tensor {
  const fail = (what: string): never => {
    throw new InputError(`cross_entropy: ${what}; logits are ${logits}, labels ${labels}`);
  };
  if (logits.shape.length !== 2 || logits.layout !== 'rows') fail('logits must be [N, C]');
  const [n, classes] = logits.shape;
  if (labels.dtype !== 'u32' || labels.shape.join() !== `${n}`) fail(`expected ${n} labels of u32`);
  if (weight && weight.shape.join() !== `${classes}`) fail(`weight must be [${classes}], found ${weight}`);
  if (!(smoothing >= 0 && smoothing <= 1)) fail(`label smoothing must be from 0 to 1, found ${smoothing}`);
  logits = float(logits);
  wantFloat32('cross_entropy', weight);
  const { device } = logits;
  const targets = { labels: labels.storage, weight: weight?.storage ?? null, smoothing };
  const y = empty(device, [1], { name: 'cross_entropy' });
  const weightSum = device.alloc(4, 'cross_entropy.weight_sum');
  kernels.loss(device, matrixOf(logits), targets, y.storage, weightSum);
  record('cross_entropy', [logits], [y], (dy) => {
    const dx = dy && gradInto(logits);
    if (!dx) return;
    kernels.lossBackward(device, matrixOf(logits), targets, weightSum, dy.storage, matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}
