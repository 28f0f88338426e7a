import { type Device, defineKernel, type Storage } from '../device';
import source from './affine_image.wgsl';
import { ceilDiv } from './launch/ceil_div';
import { type DType, vectorType } from './launch/matrix';

const kernel = defineKernel('affine_image', source);
const EACH = 4;

/** Buffers of `n` images of h x w pixels: RGB bytes, six integers each, a flag each, a table of 256 x 3; y [n * h * w, 3]. */
export interface AffineImageBuffers {
  readonly images: Storage;
  readonly affine: Storage;
  readonly flip: Storage;
  readonly table: Storage;
  readonly y: Storage;
}

/** y, stored as `dtype`, = each image seen through its affine map, bytes looked up in the table. */
export function affineImage(
  device: Device,
  n: number,
  h: number,
  w: number,
  dtype: DType,
  buffers: AffineImageBuffers,
): void {
  device.dispatch(kernel, {
    buffers: { ...buffers },
    params: { h, w },
    constants: { EACH, E: vectorType(1, dtype) },
    workgroups: [ceilDiv(h * w, 64 * EACH), n],
    label: `affine_image ${n}x${h}x${w}`,
  });
}
