import { InputError } from '../../base/errors';
import * as kernels from '../../kernels/mse';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { float } from './cast';

/**
 * The mean over all elements of (pred - target)^2, as PyTorch's mse_loss. Any shape; channel slices will do. Returns [1].
 * @throws InputError when shapes or layouts differ.
 * @example
 * await mse(tensor(device, [1, 2], [2]), tensor(device, [1, 4], [2])).item(); // 2
 */
export function mse(pred: Tensor, target: Tensor): Tensor {
  if (pred.shape.join() !== target.shape.join() || pred.layout !== target.layout)
    throw new InputError(
      `mse: expected two tensors of one shape and layout, found ${pred} (${pred.layout}) and ${target} (${target.layout})`,
    );
  [pred, target] = [float(pred), float(target)];
  const { device } = pred;
  const y = empty(device, [1], { name: 'mse' });
  kernels.forward(device, matrixOf(pred), matrixOf(target), y.storage);
  record('mse', [pred, target], [y], (dy) => {
    if (!dy) return;
    for (const [x, other] of [[pred, target] as const, [target, pred] as const]) {
      const dx = gradInto(x);
      if (dx) kernels.backward(device, matrixOf(x), matrixOf(other), dy.storage, matrixOf(dx.grad), dx.accumulate);
    }
  });
  return y;
}
