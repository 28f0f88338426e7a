import { type Device, defineKernel, type Storage } from '../device';
import source from './column_sums.wgsl';
import { ceilDiv } from './launch/ceil_div';
import { columnsOf } from './launch/columns';
import { type Matrix, vectorTypes } from './launch/matrix';
import { sumParts } from './sum_parts';

const kernel = defineKernel('column_sums', source);
const ROWS = 512;

/** y[c] (+)= the sum of x over its rows, in partial sums of 64 and 512 rows. */
export function columnSums(device: Device, x: Matrix, y: Storage, accumulate: boolean): void {
  const p = columnsOf(device, { x }, { rowsEach: ROWS });
  const parts = ceilDiv(x.rows, ROWS);
  const part = device.alloc(parts * x.channels * 4, 'column_sums.parts');
  device.dispatch(kernel, {
    buffers: { ...p.buffers, part },
    params: p.params,
    constants: { ...p.constants, ...vectorTypes(p.width, x), ROWS },
    workgroups: p.workgroups,
    label: `column_sums:${x.rows}x${x.channels}`,
  });
  sumParts(device, part, y, { size: x.channels, parts, accumulate });
  device.free(part);
}
