import { copyChannels } from '../../kernels/channels';
import type { DType } from '../../kernels/launch/matrix';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantFloats } from './check';

/**
 * x stored as f16, each element rounded to the nearest; beyond 65504 it becomes infinite. x itself if it is stored so.
 * @example
 * const able = device.features.has('shader-f16');
 * able ? half(zeros(device, [2])).dtype : 'f16'; // 'f16'
 */
export const half = (x: Tensor): Tensor => cast('f16', x);

/**
 * x stored as f32: exact. x itself if it is stored so.
 * @example
 * float(zeros(device, [2])).dtype; // 'f32'
 */
export const float = (x: Tensor): Tensor => cast('f32', x);

function cast(dtype: DType, x: Tensor): Tensor {
  wantFloats(dtype, x);
  if (x.dtype === dtype) return x;
  const y = empty(x.device, x.shape, { layout: x.layout, dtype, name: x.name });
  copyChannels(x.device, matrixOf(x), matrixOf(y), false);
  record(dtype, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) copyChannels(x.device, matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}
