import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import type { Matrix } from '../launch/matrix';
import backwardSource from './backward.wgsl';
import forwardSource from './forward.wgsl';

const forwardKernel = defineKernel('ccc', forwardSource);
const backwardKernel = defineKernel('ccc.backward', backwardSource);

/** What `forward` leaves: ccc a column, 1 - their mean, and 8 floats a column that `backward` needs. */
export interface Results {
  readonly ccc: Storage;
  readonly loss: Storage;
  readonly moments: Storage;
}

const views = (x: Matrix, y: Matrix): Record<string, number> => ({
  rows: x.rows,
  columns: x.channels,
  x_stride: x.stride,
  x_offset: x.offset,
  y_stride: y.stride,
  y_offset: y.offset,
});

/** The concordance correlation coefficient of each column of x and y, and the loss. */
export function forward(device: Device, x: Matrix, y: Matrix, { ccc, loss, moments }: Results): void {
  device.dispatch(forwardKernel, {
    buffers: { x: x.storage, y: y.storage, ccc, loss, moments },
    params: views(x, y),
    workgroups: [1],
    label: `ccc ${x.rows}x${x.channels}`,
  });
}

/**
 * dx (+)= the gradient of x. `up`: the loss's gradient, or with `of: 'ccc'` one a column. `swapped`: forward was called with
 * x and y the other way round.
 */
export function backward(
  device: Device,
  x: Matrix,
  y: Matrix,
  moments: Storage,
  up: Storage,
  dx: Matrix,
  { of, swapped, accumulate }: { of: 'ccc' | 'loss'; swapped: boolean; accumulate: boolean },
): void {
  device.dispatch(backwardKernel, {
    buffers: { x: x.storage, y: y.storage, moments, up, dx: dx.storage },
    params: { ...views(x, y), dx_stride: dx.stride, dx_offset: dx.offset, accumulate: accumulate ? 1 : 0 },
    constants: { LOSS: of === 'loss', SWAPPED: swapped },
    workgroups: [ceilDiv(x.rows * x.channels, 64)],
    label: `ccc.backward ${x.rows}x${x.channels}`,
  });
}
