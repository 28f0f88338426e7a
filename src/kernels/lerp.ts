import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './launch/ceil_div';
import { passOver } from './launch/pass';
import source from './lerp.wgsl';

const kernel = defineKernel('lerp', source);

/** y += weight * (x - y); `weight` is one number in a buffer, because it may change with every step. */
export function lerp(device: Device, x: Storage, y: Storage, weight: Storage): void {
  const size = ceilDiv(x.bytes, 16);
  const { constants, workgroups } = passOver(device, size);
  device.dispatch(kernel, {
    buffers: { x, y, weight },
    params: { size },
    constants,
    workgroups,
    label: `lerp ${size}`,
  });
}
