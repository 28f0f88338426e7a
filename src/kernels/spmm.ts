import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './launch/ceil_div';
import { type Matrix, vectorType, vectorWidth } from './launch/matrix';
import source from './spmm.wgsl';

const kernel = defineKernel('spmm', source);
const LANES = 8;

/** A sparse matrix in compressed rows: row r has entries rowPointers[r] to rowPointers[r + 1] - 1. */
export interface CompressedRows {
  readonly rowPointers: Storage;
  readonly columnIndices: Storage;
  readonly values: Storage;
}

/** y (+)= a x. a [rows, n] sparse, x [n, F], y [rows, F]. */
export function spmm(device: Device, a: CompressedRows, x: Matrix, y: Matrix, accumulate: boolean): void {
  const width = vectorWidth(x, y);
  const columns = y.channels / width;
  device.dispatch(kernel, {
    buffers: {
      row_pointers: a.rowPointers,
      column_indices: a.columnIndices,
      values: a.values,
      x: x.storage,
      y: y.storage,
    },
    params: {
      columns,
      x_stride: x.stride / width,
      x_offset: x.offset / width,
      y_stride: y.stride / width,
      y_offset: y.offset / width,
      accumulate: accumulate ? 1 : 0,
    },
    constants: { V: vectorType(width), LANES },
    workgroups: [ceilDiv(columns, LANES), y.rows],
    label: `spmm ${y.rows}x${y.channels}`,
  });
}
