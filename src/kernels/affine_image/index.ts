import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { type DType, vectorType } from '../launch/matrix';
import source from './affine_image.wgsl';
import bytes from './bytes.wgsl';
import color from './color.wgsl';
import meanGraySource from './mean_gray.wgsl';

const kernel = defineKernel('affine_image', bytes, color, source);
const meanGrayKernel = defineKernel('affine_image.mean_gray', bytes, color, meanGraySource);
const EACH = 4;

/** Buffers of `n` images of h x w pixels: RGB bytes, six integers each, a flag each, a table of 256 x 3; y [n * h * w, 3]. */
export interface AffineImageBuffers {
  readonly images: Storage;
  readonly affine: Storage;
  readonly flip: Storage;
  readonly table: Storage;
  readonly y: Storage;
  /** Three factors each, then a mean each that `meanGray` makes; null: colors as they are. */
  readonly color: Storage | null;
  /** A box each, of four integers; null: none. */
  readonly erased: Storage | null;
  /** Two numbers, the parts of an image and of its partner; null: nothing is mixed. */
  readonly share: Storage | null;
}

/** Completes `color`: the mean gray of each image, once brightened. */
export function meanGray(device: Device, n: number, h: number, w: number, images: Storage, color: Storage): void {
  device.dispatch(meanGrayKernel, {
    buffers: { images, color },
    params: { h, w, n },
    constants: { LANES: 256 },
    workgroups: [n],
    label: `affine_image.mean_gray ${n}x${h}x${w}`,
  });
}

/** y, stored as `dtype`, its channels in an order, = each image seen through its affine map, bytes looked up in the table. */
export function affineImage(
  device: Device,
  n: number,
  h: number,
  w: number,
  dtype: DType,
  order: 'rgb' | 'bgr',
  buffers: AffineImageBuffers,
): void {
  const { color, erased, share } = buffers;
  const { none } = device;
  device.dispatch(kernel, {
    buffers: { ...buffers, color: color ?? none, erased: erased ?? none, share: share ?? none },
    params: { h, w, n },
    constants: {
      EACH,
      E: vectorType(1, dtype),
      RECOLORED: color !== null,
      ERASED: erased !== null,
      MIXED: share !== null,
      BGR: order === 'bgr',
    },
    workgroups: [ceilDiv(h * w, 64 * EACH), n],
    label: `affine_image ${n}x${h}x${w}`,
  });
}
