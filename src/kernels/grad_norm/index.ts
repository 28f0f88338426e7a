import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { passesOver } from '../launch/pass';
import finishSource from './finish.wgsl';
import scaleSource from './scale.wgsl';
import squaresSource from './squares.wgsl';

const squaresKernel = defineKernel('grad_norm.squares', squaresSource);
const finishKernel = defineKernel('grad_norm.finish', finishSource);
const scaleKernel = defineKernel('grad_norm.scale', scaleSource);

/**
 * norm = the L2 norm of all gradients together; each is scaled so that it becomes `most` where it is more. `scaling` (see
 * guard): both are meant of gradients divided by its scale.
 */
export function clip(
  device: Device,
  grads: readonly Storage[],
  most: number,
  norm: Storage,
  scaling: Storage | null,
): void {
  const { passes, parts } = passesOver(device, grads);
  const part = device.alloc(Math.max(1, parts) * 4, 'grad_norm.parts');
  const scale = device.alloc(4, 'grad_norm.scale');
  for (const { memory: grad, first, constants, workgroups } of passes)
    device.dispatch(squaresKernel, {
      buffers: { grad, part },
      params: { size: grad.bytes / 4, first },
      constants,
      workgroups,
      label: `grad_norm.squares ${grad.bytes / 4}`,
    });
  device.dispatch(finishKernel, {
    buffers: { part, norm, scale, scaling: scaling ?? device.none },
    params: { parts, most },
    constants: { SCALED: scaling !== null },
    workgroups: [1],
  });
  for (const { memory: grad, constants, workgroups } of passes)
    device.dispatch(scaleKernel, {
      buffers: { grad, scale },
      params: { size: ceilDiv(grad.bytes, 16) },
      constants,
      workgroups,
      label: `grad_norm.scale ${grad.bytes / 4}`,
    });
  for (const s of [part, scale]) device.free(s);
}
