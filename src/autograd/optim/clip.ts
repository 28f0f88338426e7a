import { InputError } from '../../base/errors';
import { clip } from '../../kernels/grad_norm';
import { wantFloat32 } from '../ops/check';
import { empty, type Tensor } from '../tensor';
import { gradsOf, joined } from './arena';
import type { Guard } from './guard';

/**
 * Scales the gradients of `params` down so that their L2 norm, taken over all of them together, is at most `maxNorm` (as
 * PyTorch's clip_grad_norm_). Nothing is read back. Call it between backward and the optimizer's step.
 * Gradients that are not finite stay as they are, for a guard to see. With a scaler, norm and limit are those of the gradients without
 * its scale.
 * @returns the norm before, [1].
 * @throws InputError for a maxNorm that is not above 0, no parameters, or one that is not f32.
 * @example
 * const w = tensor(device, [3, 4], [2], { requiresGrad: true });
 * backward(sum(mul(w, w)));
 * await clipGradNorm([w], 1).item(); // 10
 * if (w.grad) await w.grad.data(); // [0.6, 0.8]
 */
export function clipGradNorm(params: readonly Tensor[], maxNorm: number, guard: Guard | null = null): Tensor {
  if (!(maxNorm > 0)) throw new InputError(`clipGradNorm: maxNorm must be above 0, found ${maxNorm}`);
  if (params.length === 0) throw new InputError('clipGradNorm: there are no parameters');
  wantFloat32('clipGradNorm', ...params);
  const { device } = params[0];
  const norm = empty(device, [1], { name: 'grad_norm' });
  clip(device, joined(gradsOf(params)), maxNorm, norm.storage, guard?.scaled ? guard.storage : null);
  return norm;
}
