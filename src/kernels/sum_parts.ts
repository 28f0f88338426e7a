import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv, GRID_X, grid, vectorType } from './matrix';
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
  device.dispatch(kernel, {
    buffers: { part, y },
    params: { size: size / width, parts, accumulate: accumulate ? 1 : 0 },
    constants: { V: vectorType(width), GRID_X },
    workgroups: grid(ceilDiv(size / width, 64)),
    label: `sum_parts:${parts}x${size}`,
  });
}
