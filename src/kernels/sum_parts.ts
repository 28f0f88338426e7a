import { type Device, defineKernel, type Storage } from '../device';
import { vectorType } from './launch/matrix';
import { passOver } from './launch/pass';
import source from './sum_parts.wgsl';

const kernel = defineKernel('sum_parts', source);

/** y (+)= the sum of `parts` arrays of `size` elements that lie one after the other in `part`. */
export function sumParts(
  device: Device,
  part: Storage,
  y: Storage,
  { size, parts, accumulate }: { size: number; parts: number; accumulate: boolean },
): void {
  const width = size % 4 === 0 ? 4 : 1;
  const { constants, workgroups } = passOver(device, size / width, device.software ? 256 : 64);
  device.dispatch(kernel, {
    buffers: { part, y },
    params: { size: size / width, parts, accumulate: accumulate ? 1 : 0 },
    constants: { ...constants, V: vectorType(width) },
    workgroups,
    label: `sum_parts:${parts}x${size}`,
  });
}
