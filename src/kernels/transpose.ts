import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './matrix';
import source from './transpose.wgsl';

const kernel = defineKernel('transpose', source);

/** y[b, c, r] = x[b, r, c] for `batch` contiguous matrices. */
export function transpose(
  device: Device,
  x: Storage,
  y: Storage,
  { batch, rows, columns }: { batch: number; rows: number; columns: number },
): void {
  device.dispatch(kernel, {
    buffers: { x, y },
    params: { rows, columns },
    workgroups: [ceilDiv(columns, 16), ceilDiv(rows, 16), batch],
    label: `transpose:${batch}x${rows}x${columns}`,
  });
}
