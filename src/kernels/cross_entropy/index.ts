import { type Device, defineKernel, type Storage } from '../../device';
import expLog from '../exp_log.wgsl';
import { ceilDiv } from '../launch/ceil_div';
import type { Matrix } from '../launch/matrix';
import logSoftmaxSource from './log_softmax.wgsl';
import logSoftmaxBackwardSource from './log_softmax_backward.wgsl';
import lossSource from './loss.wgsl';
import lossBackwardSource from './loss_backward.wgsl';
import rowSource from './row.wgsl';

const logSoftmaxKernel = defineKernel('log_softmax', expLog, rowSource, logSoftmaxSource);
const logSoftmaxBackwardKernel = defineKernel('log_softmax.backward', expLog, logSoftmaxBackwardSource);
const lossKernel = defineKernel('cross_entropy', expLog, rowSource, lossSource);
const lossBackwardKernel = defineKernel('cross_entropy.backward', expLog, rowSource, lossBackwardSource);

const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;
const laneARow = (m: Matrix): [number] => [ceilDiv(m.rows, 64)];

/** y = log(softmax(x)) along each row. */
export function logSoftmax(device: Device, x: Matrix, y: Matrix): void {
  device.dispatch(logSoftmaxKernel, {
    buffers: { x: x.storage, y: y.storage },
    params: {
      rows: x.rows,
      columns: x.channels,
      x_stride: x.stride,
      x_offset: x.offset,
      y_stride: y.stride,
      y_offset: y.offset,
    },
    workgroups: laneARow(x),
    label: `log_softmax ${describe(x)}`,
  });
}

/** dx (+)= the gradient of the log-softmax's input, from its result y and that one's gradient. */
export function logSoftmaxBackward(device: Device, y: Matrix, dy: Matrix, dx: Matrix, accumulate: boolean): void {
  device.dispatch(logSoftmaxBackwardKernel, {
    buffers: { y: y.storage, dy: dy.storage, dx: dx.storage },
    params: {
      rows: y.rows,
      columns: y.channels,
      y_stride: y.stride,
      y_offset: y.offset,
      dy_stride: dy.stride,
      dy_offset: dy.offset,
      dx_stride: dx.stride,
      dx_offset: dx.offset,
      accumulate: accumulate ? 1 : 0,
    },
    workgroups: laneARow(y),
    label: `log_softmax.backward ${describe(y)}`,
  });
}

/** A row's label is the number of its column; `weight` holds one a column; `smoothing` is what all columns share. */
export interface Targets {
  readonly labels: Storage;
  readonly weight: Storage | null;
  readonly smoothing: number;
}

/** loss = the weighted mean of -log_softmax(x) at the labels; weightSum = what it was divided by. */
export function loss(device: Device, x: Matrix, targets: Targets, out: Storage, weightSum: Storage): void {
  const { labels, weight, smoothing } = targets;
  device.dispatch(lossKernel, {
    buffers: { x: x.storage, labels, weight: weight ?? device.none, loss: out, weight_sum: weightSum },
    params: { rows: x.rows, columns: x.channels, stride: x.stride, offset: x.offset, smoothing },
    constants: { WEIGHTED: weight !== null, SMOOTHED: smoothing > 0 },
    workgroups: [1],
    label: `cross_entropy ${describe(x)}`,
  });
}

/** dx (+)= the gradient of `loss` times `up`, a buffer of one element. */
export function lossBackward(
  device: Device,
  x: Matrix,
  { labels, weight, smoothing }: Targets,
  weightSum: Storage,
  up: Storage,
  dx: Matrix,
  accumulate: boolean,
): void {
  device.dispatch(lossBackwardKernel, {
    buffers: { x: x.storage, labels, weight: weight ?? device.none, weight_sum: weightSum, up, dx: dx.storage },
    params: {
      rows: x.rows,
      columns: x.channels,
      stride: x.stride,
      offset: x.offset,
      dx_stride: dx.stride,
      dx_offset: dx.offset,
      accumulate: accumulate ? 1 : 0,
      smoothing,
    },
    constants: { WEIGHTED: weight !== null, SMOOTHED: smoothing > 0 },
    workgroups: laneARow(x),
    label: `cross_entropy.backward ${describe(x)}`,
  });
}
