// The image steps, which are exact: Pillow's nearest rotation and flip on the GPU, its resize, and the normalised tensor.
import { affineImage, step, tensor } from '../../src/autograd';
import { normalisationTable } from '../../src/base/pixels/normalise';
import { resizeBilinear, resizedSize } from '../../src/base/pixels/resize';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { rotationAffine } from '../../src/data/rotate';
import type { Device } from '../../src/device';
import { inputOf } from '../../src/models';
import type { Fixture } from './fixture';
import type { Result } from './results';

/** A picture in [H, W, 3] bytes. */
function picture(fixture: Fixture): RgbImage {
  const { shape, data } = fixture.take('in.image');
  if (!(data instanceof Uint8Array) || shape.length !== 3 || shape[2] !== 3)
    throw new Error('in.image is no [H, W, 3] of U8');
  return { width: shape[1], height: shape[0], data };
}

/** Runs a picture through the GPU once a view: turned by `degrees`, mirrored where `flip`. [views, 3, H, W] of `table`. */
async function warp(
  device: Device,
  { width, height, data }: RgbImage,
  views: { degrees: number; flip: boolean }[],
  table: Float32Array,
): Promise<Float32Array> {
  const n = views.length;
  const images = new Uint8Array(n * data.length);
  for (let i = 0; i < n; i++) images.set(data, i * data.length);
  const affine = Int32Array.from(views.flatMap((v) => [...rotationAffine(width, height, v.degrees)]));
  const flip = Uint32Array.from(views, (v) => Number(v.flip));
  const y = step(device, () =>
    affineImage(device, { n, h: height, w: width, images, affine, flip }, tensor(device, table, [256, 3])),
  );
  const out = await y.data();
  device.free(y.storage);
  return out;
}

/** Each byte as itself, in each channel. */
const BYTES = Float32Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));

async function rotate(device: Device, fixture: Fixture): Promise<Map<string, Result>> {
  const image = picture(fixture);
  const angles = fixture.needed<number[]>('attr.angles_degrees_counterclockwise');
  if (fixture.attr('fill', 0) !== 0) throw new Error('outside is black: attr.fill must be 0');
  const views = [{ degrees: 0, flip: true }, ...angles.map((degrees) => ({ degrees, flip: false }))];
  const turned = await warp(device, image, views, BYTES);
  const { width, height } = image;
  const pixels = width * height;
  return new Map(
    views.map((_, v) => {
      const planes = turned.subarray(v * 3 * pixels, (v + 1) * 3 * pixels);
      const data = Uint8Array.from({ length: 3 * pixels }, (_, i) => planes[(i % 3) * pixels + Math.floor(i / 3)]);
      return [v === 0 ? 'out.flip' : `out.nearest.${v - 1}`, { shape: [height, width, 3], data }];
    }),
  );
}

async function resize(device: Device, fixture: Fixture): Promise<Map<string, Result>> {
  const image = picture(fixture);
  const small = resizeBilinear(image, ...resizedSize(image.width, image.height, fixture.number('attr.size')));
  const { width, height, data } = small;
  const normalised = await warp(device, small, [{ degrees: 0, flip: false }], normalisationTable(inputOf('densenet')));
  return new Map<string, Result>([
    ['out.image', { shape: [height, width, 3], data }],
    ['out.tensor', { shape: [3, height, width], data: normalised }],
  ]);
}

export const IMAGES: Record<string, (device: Device, fixture: Fixture) => Promise<Map<string, Result>>> = {
  image_rotate: rotate,
  image_resize: resize,
};
