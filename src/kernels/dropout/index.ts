import { type Device, defineKernel, type Storage } from '../../device';
import type { Matrix } from '../launch/matrix';
import { walk } from '../launch/walk';
import walkSource from '../launch/walk.wgsl';
import source from './dropout.wgsl';
import elements1 from './elements_1.wgsl';
import elements4 from './elements_4.wgsl';

const kernels = {
  1: defineKernel('dropout.1', walkSource, elements1, source),
  4: defineKernel('dropout.4', walkSource, elements4, source),
};

/** Which elements a dropout keeps: a function of these and of the element's number. */
export interface Mask {
  /** One u32. */
  readonly seed: Storage;
  readonly stream: number;
  /** Share of the elements that become 0, in [0, 1]. */
  readonly p: number;
}

/** y (+)= x / (1 - p) where the mask keeps, else 0. x may be a slice; elements are numbered as in a contiguous y. */
export function dropout(device: Device, x: Matrix, y: Matrix, { seed, stream, p }: Mask, accumulate: boolean): void {
  const w = walk({ x, y }, { exact: true });
  device.dispatch(kernels[w.width], {
    buffers: { ...w.buffers, seed },
    params: {
      ...w.params,
      stream,
      threshold: Math.round(p * 2 ** 24),
      scale: p < 1 ? 1 / (1 - p) : 0,
      accumulate: accumulate ? 1 : 0,
    },
    constants: { ...w.constants, U: w.width === 4 ? 'vec4u' : 'u32' },
    workgroups: w.workgroups,
    label: `dropout ${x.rows}x${x.channels}`,
  });
}
