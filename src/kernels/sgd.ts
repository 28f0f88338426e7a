import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './launch/grid';
import { passOver } from './launch/pass';
import source from './sgd.wgsl';

const kernel = defineKernel('sgd', source);

/** A run of parameters: equal ranges of the values, gradients and velocities, each filled up to 16 bytes. */
export interface SgdRun {
  readonly value: Storage;
  readonly grad: Storage;
  readonly velocity: Storage;
}

/**
 * One step of SGD, of gradients to be multiplied with `scaling` (see loss_scale) where there is one. `rates` holds (lr, momentum, weight decay, 0) a group: in a buffer, because uniforms are kept by content
 * and a learning rate may change every step.
 */
export function sgd(
  device: Device,
  run: SgdRun,
  rates: Storage,
  group: number,
  nesterov: boolean,
  scaling: Storage | null,
): void {
  const size = ceilDiv(run.grad.bytes, 16);
  const { constants, workgroups } = passOver(device, size);
  device.dispatch(kernel, {
    buffers: { ...run, rates, scaling: scaling ?? device.none },
    params: { size, group },
    constants: { ...constants, NESTEROV: nesterov, SCALED: scaling !== null },
    workgroups,
    label: `sgd ${size}`,
  });
}
