import { type Device, defineKernel, type Storage } from '../device';
import source from './column_sums.wgsl';
import { ceilDiv } from './launch/grid';
import { type Matrix, vectorTypes, vectorWidth } from './launch/matrix';
import { sumParts } from './sum_parts';
import { columnLanes } from './variant';

const kernel = defineKernel('column_sums', source);
const ROWS = 512;

/** y[c] (+)= the sum of x over its rows, in partial sums of 64 and 512 rows. */
export function columnSums(device: Device, x: Matrix, y: Storage, accumulate: boolean): void {
  const width = vectorWidth(x);
  const columns = x.channels / width;
  const lanes = columnLanes(device);
  const parts = ceilDiv(x.rows, ROWS);
  const part = device.alloc(parts * x.channels * 4, 'column_sums.parts');
  device.dispatch(kernel, {
    buffers: { x: x.storage, part },
    params: { rows: x.rows, columns, stride: x.stride / width, offset: x.offset / width },
    constants: { ...vectorTypes(width, x), LANES: lanes, ROWS },
    workgroups: [ceilDiv(columns, lanes), parts],
    label: `column_sums:${x.rows}x${x.channels}`,
  });
  sumParts(device, part, y, { size: x.channels, parts, accumulate });
  device.free(part);
}
