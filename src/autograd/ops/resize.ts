import { InputError } from '../../base/errors';
import * as kernels from '../../kernels/resize';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantMap } from './check';

/**
 * x [N, C, h, w] resized to [N, C, H, W] as PyTorch's interpolate(mode='bilinear'), without smoothing where it shrinks. The middles of
 * the corners' pixels stay where they are (`alignCorners`), or else the outer edges do. Places are computed in whole numbers.
 * @throws InputError when x is no map, or a side is not positive or, times that of x, 2^30 or more.
 * @example
 * await resizeBilinear(tensor(device, [0, 3], [1, 1, 1, 2]), [1, 4], { alignCorners: true }).data(); // [0, 1, 2, 3]
 */
export function resizeBilinear(
  x: Tensor,
  [oh, ow]: readonly [number, number],
  { alignCorners = false }: { readonly alignCorners?: boolean } = {},
): Tensor {
  const op = 'resize_bilinear';
  wantMap(op, x);
  const [n, channels, h, w] = x.shape;
  if ([oh, ow].some((s) => !Number.isInteger(s) || s < 1))
    throw new InputError(`${op} of ${x}: the size must be at least 1, found ${oh}x${ow}`);
  if ((h + 1) * (oh + 1) >= 2 ** 30 || (w + 1) * (ow + 1) >= 2 ** 30)
    throw new InputError(`${op} of ${x}: a side times what it becomes must be below 2^30, found ${oh}x${ow}`);
  const g = { n, channels, h, w, oh, ow, alignCorners };
  const y = empty(x.device, [n, channels, oh, ow], { dtype: x.dtype, name: op });
  kernels.forward(x.device, g, matrixOf(x), matrixOf(y));
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) kernels.backward(x.device, g, matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}
