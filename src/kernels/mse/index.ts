import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import type { Matrix } from '../launch/matrix';
import { sumParts } from '../sum_parts';
import backwardSource from './backward.wgsl';
import forwardSource from './forward.wgsl';

const forwardKernel = defineKernel('mse', forwardSource);
const backwardKernel = defineKernel('mse.backward', backwardSource);

/** Elements that a lane sums before the number of workgroups grows, and the most workgroups. */
const ELEMENTS_A_LANE = 64;
const MOST_PARTS = 256;

const views = (x: Matrix, y: Matrix): Record<string, number> => ({
  rows: x.rows,
  columns: x.channels,
  x_stride: x.stride,
  x_offset: x.offset,
  y_stride: y.stride,
  y_offset: y.offset,
});

/** out = the mean of (x - y)^2 over all elements. */
export function forward(device: Device, x: Matrix, y: Matrix, out: Storage): void {
  const parts = Math.min(MOST_PARTS, ceilDiv(x.rows * x.channels, 64 * ELEMENTS_A_LANE));
  const part = device.alloc(parts * 4, 'mse.parts');
  device.dispatch(forwardKernel, {
    buffers: { x: x.storage, y: y.storage, part },
    params: { ...views(x, y), parts },
    workgroups: [parts],
    label: `mse ${x.rows}x${x.channels}`,
  });
  sumParts(device, part, out, { size: 1, parts, accumulate: false });
  device.free(part);
}

/** dx (+)= the gradient of x; `up` is that of the result. The gradient of y is the same with x and y exchanged. */
export function backward(device: Device, x: Matrix, y: Matrix, up: Storage, dx: Matrix, accumulate: boolean): void {
  device.dispatch(backwardKernel, {
    buffers: { x: x.storage, y: y.storage, up, dx: dx.storage },
    params: { ...views(x, y), dx_stride: dx.stride, dx_offset: dx.offset, accumulate: accumulate ? 1 : 0 },
    workgroups: [ceilDiv(x.rows * x.channels, 64)],
    label: `mse.backward ${x.rows}x${x.channels}`,
  });
}
