import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv, GRID_X, grid } from './matrix';
import source from './sgd.wgsl';

const kernel = defineKernel('sgd', source);
const EACH = 16;

/** A run of parameters: equal ranges of the values, gradients and velocities, each filled up to 16 bytes. */
export interface SgdRun {
  readonly value: Storage;
  readonly grad: Storage;
  readonly velocity: Storage;
}

/**
 * One step of SGD. `rates` holds (lr, momentum, weight decay, 0) a group: in a buffer, because uniforms are kept by content
 * and a learning rate may change every step.
 */
export function sgd(device: Device, run: SgdRun, rates: Storage, group: number, nesterov: boolean): void {
  const size = ceilDiv(run.grad.bytes, 16);
  device.dispatch(kernel, {
    buffers: { ...run, rates },
    params: { size, group },
    constants: { NESTEROV: nesterov, EACH, GRID_X },
    workgroups: grid(ceilDiv(size, 64 * EACH)),
    label: `sgd ${size}`,
  });
}
