import { type Device, defineKernel } from '../device';
import { columnsOf } from './launch/columns';
import { type Matrix, vectorTypes } from './launch/matrix';
import source from './pad_channels.wgsl';

const kernel = defineKernel('pad_channels', source);

/** y (+)= x with zeros around its channels, `before` of them in front and as many behind as y has room for. */
export function padChannels(device: Device, x: Matrix, y: Matrix, before: number, accumulate: boolean): void {
  const p = columnsOf(device, { y, x }, { vectors: before % 4 === 0 });
  device.dispatch(kernel, {
    buffers: p.buffers,
    params: {
      ...p.params,
      before: before / p.width,
      x_columns: x.channels / p.width,
      accumulate: accumulate ? 1 : 0,
    },
    constants: { ...p.constants, ...vectorTypes(p.width, x, y) },
    workgroups: p.workgroups,
    label: `pad_channels ${x.rows}x${x.channels}to${y.channels}`,
  });
}
