import { type Device, defineKernel, type Storage } from '../device';
import source from './column_sums.wgsl';
import { ceilDiv } from './launch/ceil_div';
import { columnsOf } from './launch/columns';
import { type Matrix, vectorTypes } from './launch/matrix';
import { addParts, type PartsRoom } from './sum_parts';

const kernel = defineKernel('column_sums', source);
const ROWS = 512;

/** y[c] (+)= the sum of x over its rows, in partial sums of 64 and 512 rows. @param room where it may wait in these */
export function columnSums(
  device: Device,
  x: Matrix,
  y: Storage,
  accumulate: boolean,
  room: PartsRoom | null = null,
): void {
  const p = columnsOf(device, { x }, { rowsEach: ROWS });
  addParts(device, y, { size: x.channels, parts: ceilDiv(x.rows, ROWS), accumulate }, room, (part) =>
    device.dispatch(kernel, {
      buffers: { ...p.buffers, part },
      params: p.params,
      constants: { ...p.constants, ...vectorTypes(p.width, x), ROWS },
      workgroups: p.workgroups,
      label: `column_sums:${x.rows}x${x.channels}`,
    }),
  );
}
