import { type Device, defineKernel, type Storage } from '../../device';
import { guarded } from '../guard';
import { ceilDiv } from '../launch/ceil_div';
import { passOver } from '../launch/pass';
import type { Rates } from './rates';
import source from './sgd.wgsl';

const kernel = defineKernel('sgd', source);

/** A run of parameters: equal ranges of the values, gradients and velocities, each filled up to 16 bytes. */
export interface SgdRun {
  readonly value: Storage;
  readonly grad: Storage;
  readonly velocity: Storage;
}

/** One step of SGD. A group's rates are (lr, momentum, weight decay, 0). */
export function sgd(device: Device, run: SgdRun, { rates, group, verdict }: Rates, nesterov: boolean): void {
  const size = ceilDiv(run.grad.bytes, 16);
  const { constants, workgroups } = passOver(device, size);
  device.dispatch(kernel, {
    buffers: { ...run, rates, verdict: verdict?.storage ?? device.none },
    params: { size, group },
    constants: { ...constants, NESTEROV: nesterov, ...guarded(verdict) },
    workgroups,
    label: `sgd ${size}`,
  });
}
