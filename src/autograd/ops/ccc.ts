import { InputError } from '../../base/errors';
import * as kernels from '../../kernels/ccc';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { float } from './cast';

/**
 * The concordance correlation coefficient (Lin 1989) of each column: 2 cov / (var pred + var gold + (mean difference)^2), with
 * cov divided by N and the variances by N - 1, as the original program has it. pred, gold [N, K] (channel slices will do);
 * returns [K].
 * @throws InputError when shapes differ or N is 1, which leaves no variance.
 * @example
 * const gold = tensor(device, [0, 1, 2, 3], [4, 1]);
 * await ccc(gold, gold).data(); // [0.75]
 */
export function ccc(pred: Tensor, gold: Tensor): Tensor {
  return concordance(pred, gold, 'ccc');
}

/**
 * 1 - the mean over columns of `ccc`. Returns [1].
 * @throws InputError when shapes differ or N is 1, which leaves no variance.
 * @example
 * const [pred, gold] = [tensor(device, [3, 2, 1, 0], [4, 1]), tensor(device, [0, 1, 2, 3], [4, 1])];
 * await cccLoss(pred, gold).item(); // 1.75
 */
export function cccLoss(pred: Tensor, gold: Tensor): Tensor {
  return concordance(pred, gold, 'loss');
}

function concordance(pred: Tensor, gold: Tensor, of: 'ccc' | 'loss'): Tensor {
  const fail = (what: string): never => {
    throw new InputError(`ccc: ${what}; pred is ${pred}, gold ${gold}`);
  };
  if (pred.shape.length !== 2 || pred.layout !== 'rows') fail('pred must be [N, K]');
  if (gold.shape.join() !== pred.shape.join() || gold.layout !== 'rows') fail('gold must have the shape of pred');
  const [n, columns] = pred.shape;
  if (n === 1) fail('a batch of one sample has no variance, use two or more');
  [pred, gold] = [float(pred), float(gold)];
  const { device } = pred;
  const results = {
    ccc: empty(device, [columns], { name: 'ccc' }),
    loss: empty(device, [1], { name: 'ccc_loss' }),
  };
  const moments = device.alloc(columns * 32, 'ccc.moments');
  kernels.forward(device, matrixOf(pred), matrixOf(gold), {
    ccc: results.ccc.storage,
    loss: results.loss.storage,
    moments,
  });
  const y = results[of];
  record(of === 'loss' ? 'ccc_loss' : 'ccc', [pred, gold], [y], (dy) => {
    if (!dy) return;
    for (const [x, other, swapped] of [[pred, gold, false] as const, [gold, pred, true] as const]) {
      const dx = gradInto(x);
      if (!dx) continue;
      const options = { of, swapped, accumulate: dx.accumulate };
      kernels.backward(device, matrixOf(x), matrixOf(other), moments, dy.storage, matrixOf(dx.grad), options);
    }
  });
  return y;
}
