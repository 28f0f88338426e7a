import { type Device, defineKernel, type Storage } from '../device';
import { guarded, type Verdict } from './guard';
import { ceilDiv } from './launch/ceil_div';
import { passOver } from './launch/pass';
import source from './lerp.wgsl';

const kernel = defineKernel('lerp', source);

/** y += weight * (x - y), unless the verdict says that x has not moved; `weight` is one number in a buffer, because it may change with every step. */
export function lerp(device: Device, x: Storage, y: Storage, weight: Storage, verdict: Verdict | null): void {
  const size = ceilDiv(x.bytes, 16);
  const { constants, workgroups } = passOver(device, size);
  device.dispatch(kernel, {
    buffers: { x, y, weight, verdict: verdict?.storage ?? device.none },
    params: { size },
    constants: { ...constants, GUARDED: guarded(verdict).GUARDED },
    workgroups,
    label: `lerp ${size}`,
  });
}
