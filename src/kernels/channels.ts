import { type Device, defineKernel } from '../device';
import source from './channels.wgsl';
import { ceilDiv } from './launch/ceil_div';
import { columnsOf } from './launch/columns';
import { type Matrix, vectorType, vectorWidth } from './launch/matrix';

const kernel = defineKernel('channels', source);

/** dst = src, or dst += src: equal numbers of rows and channels, any strides and storage types. */
export function copyChannels(device: Device, src: Matrix, dst: Matrix, accumulate: boolean): void {
  launch(device, src, dst, accumulate ? 1 : 0);
}

/** dst = 0. */
export function zeroChannels(device: Device, dst: Matrix): void {
  launch(device, null, dst, 2);
}

function launch(device: Device, src: Matrix | null, dst: Matrix, mode: number): void {
  const [from, to] = src ? flatten(src, dst) : [null, dst];
  const operands = { dst: to, ...(from ? { src: from } : {}) };
  const rowsEach = Math.max(4, ceilDiv(256 * vectorWidth(...Object.values(operands)), to.channels));
  const p = columnsOf(device, operands, { rowsEach });
  device.dispatch(kernel, {
    buffers: { src: device.none, ...p.buffers },
    params: { src_stride: 0, src_offset: 0, ...p.params },
    constants: {
      ...p.constants,
      V: vectorType(p.width),
      S: vectorType(p.width, from?.dtype),
      D: vectorType(p.width, to.dtype),
      MODE: mode,
    },
    workgroups: p.workgroups,
    label: `channels:${to.rows}x${to.channels}`,
  });
}

/** Matrices without gaps are re-cut into rows of 64 elements, so that long rows and odd channels run well too. */
function flatten(src: Matrix, dst: Matrix): [Matrix, Matrix] {
  const whole = (m: Matrix): boolean => m.stride === m.channels || m.rows === 1;
  const size = src.rows * src.channels;
  if (!whole(src) || !whole(dst) || size % 64 !== 0) return [src, dst];
  const cut = (m: Matrix): Matrix => ({ ...m, rows: size / 64, channels: 64, stride: 64 });
  return [cut(src), cut(dst)];
}
