import { type Device, defineKernel } from '../device';
import source from './channels.wgsl';
import { ceilDiv } from './launch/grid';
import { type Matrix, vectorType, vectorWidth } from './launch/matrix';
import { columnLanes } from './variant';

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
  const width = vectorWidth(to, ...(from ? [from] : []));
  const columns = to.channels / width;
  const lanes = columnLanes(device);
  const rows = Math.max(4, ceilDiv(256, columns), ceilDiv(to.rows, 65535));
  device.dispatch(kernel, {
    buffers: { src: from?.storage ?? device.none, dst: to.storage },
    params: {
      rows: to.rows,
      columns,
      src_stride: (from?.stride ?? 0) / width,
      src_offset: (from?.offset ?? 0) / width,
      dst_stride: to.stride / width,
      dst_offset: to.offset / width,
      rows_each: rows,
    },
    constants: {
      V: vectorType(width),
      S: vectorType(width, from?.dtype),
      D: vectorType(width, to.dtype),
      LANES: lanes,
      MODE: mode,
    },
    workgroups: [ceilDiv(columns, lanes), ceilDiv(to.rows, rows)],
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
