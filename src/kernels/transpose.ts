import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './launch/ceil_div';
import { columnLanes } from './launch/columns';
import { vectorType, vectorWidth } from './launch/matrix';
import source from './transpose.wgsl';

const kernels = {
  4: defineKernel(
    'transpose.4',
    'fn column(b: array<V, 4>, i: u32) -> V { return V(b[0][i], b[1][i], b[2][i], b[3][i]); }',
    source,
  ),
  1: defineKernel('transpose.1', 'fn column(b: array<V, 1>, i: u32) -> V { return b[0]; }', source),
};

/** Numbers in a cache line of 64 bytes. */
const LINE = 16;

/** y[b, c, r] = x[b, r, c] for `batch` contiguous matrices. */
export function transpose(
  device: Device,
  x: Storage,
  y: Storage,
  { batch, rows, columns }: { batch: number; rows: number; columns: number },
): void {
  const width = vectorWidth({ channels: rows }, { channels: columns });
  const lanes = columnLanes(device);
  device.dispatch(kernels[width], {
    buffers: { x, y },
    params: { rows: rows / width, columns: columns / width },
    constants: { V: vectorType(width), WIDTH: width, LANES: lanes, EACH: LINE / width },
    workgroups: [ceilDiv(rows / width, lanes), ceilDiv(columns, LINE), batch],
    label: `transpose:${batch}x${rows}x${columns}`,
  });
}
