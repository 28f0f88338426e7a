import { type Constants, type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { type Matrix, vectorTypes, vectorWidth } from '../launch/matrix';
import avgBackwardSource from './avg_backward.wgsl';
import avgForwardSource from './avg_forward.wgsl';
import maxBackwardSource from './max_backward.wgsl';
import maxForwardSource from './max_forward.wgsl';
import windows from './windows.wgsl';

const maxForwardKernel = defineKernel('pool.max_forward', maxForwardSource);
const maxBackwardKernel = defineKernel('pool.max_backward', windows, maxBackwardSource);
const avgForwardKernel = defineKernel('pool.avg_forward', windows, avgForwardSource);
const avgBackwardKernel = defineKernel('pool.avg_backward', windows, avgBackwardSource);

/** Sizes of a pooling; pairs are (down, right). */
export interface PoolGeometry {
  readonly n: number;
  readonly channels: number;
  readonly h: number;
  readonly w: number;
  readonly oh: number;
  readonly ow: number;
  /** `adaptive`: each axis is parted into as many windows as it has outputs. */
  readonly window:
    | 'adaptive'
    | {
        readonly kernel: readonly [number, number];
        readonly stride: readonly [number, number];
        /** Above and on the left; what is below and on the right is in oh and ow. */
        readonly padding: readonly [number, number];
      };
}

const LANES = 64;

/** What all four kernels need to read `from` and write `to`; `rows` is the height of the map that the grid covers. */
function launching(g: PoolGeometry, from: Matrix, to: Matrix, rows: number) {
  const width = vectorWidth(from, to);
  const columns = g.channels / width;
  const lanes = Math.min(LANES, 2 ** Math.ceil(Math.log2(columns)));
  const { kernel, stride, padding } =
    g.window === 'adaptive' ? { kernel: [0, 0], stride: [1, 1], padding: [0, 0] } : g.window;
  const constants: Constants = {
    ...vectorTypes(width, from, to),
    ...{ LX: lanes, ADAPTIVE: g.window === 'adaptive' },
    ...{ KY: kernel[0], KX: kernel[1], SY: stride[0], SX: stride[1] },
  };
  return {
    width,
    constants,
    params: { h: g.h, w: g.w, oh: g.oh, ow: g.ow, columns, pad_y: padding[0], pad_x: padding[1] },
    workgroups: [ceilDiv(columns, lanes), rows, g.n] as const,
  };
}

const indexType = (width: 4 | 1): string => (width === 4 ? 'vec4u' : 'u32');
const describe = (g: PoolGeometry): string => `${g.n}x${g.channels}x${g.h}x${g.w}`;

/** y = max pool of x; `indices` (one u32 an element, contiguous rows) gets each maximum's place in the map. */
export function maxForward(device: Device, g: PoolGeometry, x: Matrix, y: Matrix, indices: Storage | null): void {
  const { width, constants, params, workgroups } = launching(g, x, y, g.oh);
  device.dispatch(maxForwardKernel, {
    buffers: { x: x.storage, y: y.storage, indices: indices ?? device.none },
    params: {
      ...params,
      ...{ x_stride: x.stride / width, x_offset: x.offset / width },
      ...{ y_stride: y.stride / width, y_offset: y.offset / width },
    },
    constants: { ...constants, I: indexType(width), INDICES: indices !== null },
    workgroups,
    label: `pool.max_forward ${describe(g)}`,
  });
}

/** dx (+)= dy at the places of the maxima. */
export function maxBackward(
  device: Device,
  g: PoolGeometry,
  dy: Matrix,
  indices: Storage,
  dx: Matrix,
  accumulate: boolean,
): void {
  const { width, constants, params, workgroups } = launching(g, dy, dx, g.h);
  device.dispatch(maxBackwardKernel, {
    buffers: { dy: dy.storage, indices, dx: dx.storage },
    params: {
      ...params,
      ...{ dy_stride: dy.stride / width, dy_offset: dy.offset / width },
      ...{ dx_stride: dx.stride / width, dx_offset: dx.offset / width },
      accumulate: accumulate ? 1 : 0,
    },
    constants: { ...constants, I: indexType(width) },
    workgroups,
    label: `pool.max_backward ${describe(g)}`,
  });
}

/** y = average pool of x. */
export function avgForward(device: Device, g: PoolGeometry, x: Matrix, y: Matrix): void {
  const { width, constants, params, workgroups } = launching(g, x, y, g.oh);
  device.dispatch(avgForwardKernel, {
    buffers: { x: x.storage, y: y.storage },
    params: {
      ...params,
      ...{ x_stride: x.stride / width, x_offset: x.offset / width },
      ...{ y_stride: y.stride / width, y_offset: y.offset / width },
    },
    constants,
    workgroups,
    label: `pool.avg_forward ${describe(g)}`,
  });
}

/** dx (+)= dy shared out evenly over its windows. */
export function avgBackward(device: Device, g: PoolGeometry, dy: Matrix, dx: Matrix, accumulate: boolean): void {
  const { width, constants, params, workgroups } = launching(g, dy, dx, g.h);
  device.dispatch(avgBackwardKernel, {
    buffers: { dy: dy.storage, dx: dx.storage },
    params: {
      ...params,
      ...{ dy_stride: dy.stride / width, dy_offset: dy.offset / width },
      ...{ dx_stride: dx.stride / width, dx_offset: dx.offset / width },
      accumulate: accumulate ? 1 : 0,
    },
    constants,
    workgroups,
    label: `pool.avg_backward ${describe(g)}`,
  });
}
