import { InputError } from '../../base/errors';
import * as kernels from '../../kernels/shortcut';
import { type GradTarget, gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantFloat32, wantFloats } from './check';

/**
 * The adaptive shortcut of BReG-NeXt (Hasani et al. 2020): y = atan(a x / s) / (a s), s = sqrt(c^2 + 1), element by element;
 * a = 0 is its limit x / s^2. x of any shape; a and c [1], learnt.
 * @throws InputError when a or c is not [1].
 * @example
 * const [a, c] = [tensor(device, [1], [1]), tensor(device, [0], [1])];
 * await shortcut(tensor(device, [0, 1], [2]), a, c).data(); // [0, 0.7854]
 */
export function shortcut(x: Tensor, a: Tensor, c: Tensor): Tensor {
  wantFloats('shortcut', x);
  wantFloat32('shortcut', a, c);
  if (a.shape.join() !== '1' || c.shape.join() !== '1')
    throw new InputError(`shortcut: expected a and c of shape [1], found ${a} and ${c}`);
  const { device } = x;
  const y = empty(device, x.shape, { layout: x.layout, dtype: x.dtype, name: 'shortcut' });
  kernels.forward(device, matrixOf(x), a.storage, c.storage, matrixOf(y));
  record('shortcut', [x, a, c], [y], (dy) => {
    if (!dy) return;
    const [dx, da, dc] = [gradInto(x), gradInto(a), gradInto(c)];
    const number = (to: GradTarget | null) => to && { storage: to.grad.storage, accumulate: to.accumulate };
    kernels.backward(
      device,
      { x: matrixOf(x), a: a.storage, c: c.storage, dy: matrixOf(dy) },
      { dx: dx && { matrix: matrixOf(dx.grad), accumulate: dx.accumulate }, da: number(da), dc: number(dc) },
    );
  });
  return y;
}
