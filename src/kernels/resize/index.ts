import { type Device, defineKernel } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { type Matrix, vectorTypes, vectorWidth } from '../launch/matrix';
import backwardSource from './backward.wgsl';
import forwardSource from './forward.wgsl';
import places from './places.wgsl';

const forwardKernel = defineKernel('resize.forward', places, forwardSource);
const backwardKernel = defineKernel('resize.backward', places, backwardSource);

/** Sizes of a resizing from n maps of h x w to oh x ow. */
export interface ResizeGeometry {
  readonly n: number;
  readonly channels: number;
  readonly h: number;
  readonly w: number;
  readonly oh: number;
  readonly ow: number;
  /** Whether the middles of the corners' pixels stay where they are; else the outer edges do. */
  readonly alignCorners: boolean;
}

const LANES = 64;

/** What both kernels need to read `from` and write `to`; `rows` is the height of the map that the grid covers. */
function launching(g: ResizeGeometry, from: Matrix, to: Matrix, rows: number) {
  const width = vectorWidth(from, to);
  const columns = g.channels / width;
  const lanes = Math.min(LANES, 2 ** Math.ceil(Math.log2(columns)));
  return {
    width,
    constants: { ...vectorTypes(width, from, to), LX: lanes, ALIGN: g.alignCorners },
    params: { h: g.h, w: g.w, oh: g.oh, ow: g.ow, columns },
    workgroups: [ceilDiv(columns, lanes), rows, g.n] as const,
  };
}

const describe = (g: ResizeGeometry): string => `${g.n}x${g.channels}x${g.h}x${g.w}to${g.oh}x${g.ow}`;

/** y = x resized. */
export function forward(device: Device, g: ResizeGeometry, x: Matrix, y: Matrix): void {
  const { width, constants, params, workgroups } = launching(g, x, y, g.oh);
  device.dispatch(forwardKernel, {
    buffers: { x: x.storage, y: y.storage },
    params: {
      ...params,
      ...{ x_stride: x.stride / width, x_offset: x.offset / width },
      ...{ y_stride: y.stride / width, y_offset: y.offset / width },
    },
    constants,
    workgroups,
    label: `resize.forward ${describe(g)}`,
  });
}

/** dx (+)= what each element of x gave to y. */
export function backward(device: Device, g: ResizeGeometry, dy: Matrix, dx: Matrix, accumulate: boolean): void {
  const { width, constants, params, workgroups } = launching(g, dy, dx, g.h);
  device.dispatch(backwardKernel, {
    buffers: { dy: dy.storage, dx: dx.storage },
    params: {
      ...params,
      ...{ dy_stride: dy.stride / width, dy_offset: dy.offset / width },
      ...{ dx_stride: dx.stride / width, dx_offset: dx.offset / width },
      accumulate: accumulate ? 1 : 0,
    },
    constants,
    workgroups,
    label: `resize.backward ${describe(g)}`,
  });
}
