import { type Device, defineKernel } from '../device';
import { ceilDiv } from './launch/grid';
import { type Matrix, vectorTypes, vectorWidth } from './launch/matrix';
import source from './pad_channels.wgsl';
import { columnLanes } from './variant';

const kernel = defineKernel('pad_channels', source);

/** y (+)= x with zeros around its channels, `before` of them in front and as many behind as y has room for. */
export function padChannels(device: Device, x: Matrix, y: Matrix, before: number, accumulate: boolean): void {
  const width = before % 4 === 0 ? vectorWidth(x, y) : 1;
  const columns = y.channels / width;
  const lanes = columnLanes(device);
  const each = Math.max(16, ceilDiv(y.rows, 65535));
  device.dispatch(kernel, {
    buffers: { x: x.storage, y: y.storage },
    params: {
      ...{ rows: y.rows, columns, before: before / width, x_columns: x.channels / width },
      ...{ x_stride: x.stride / width, x_offset: x.offset / width },
      ...{ y_stride: y.stride / width, y_offset: y.offset / width },
      ...{ rows_each: each, accumulate: accumulate ? 1 : 0 },
    },
    constants: { ...vectorTypes(width, x, y), LANES: lanes },
    workgroups: [ceilDiv(columns, lanes), ceilDiv(y.rows, each)],
    label: `pad_channels ${x.rows}x${x.channels}to${y.channels}`,
  });
}
