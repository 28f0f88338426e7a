// Pictures as a page has them.
import { ImageError, type RgbImage } from '../base/pixels/rgb_image';

/** What may be looked at: RGB of our own, or what a canvas gives. */
export type PagePicture = RgbImage | ImageData;

/** Of a picture that has more pixels, so many are looked at: every face that the detector sees is found in them. */
const ENOUGH = 2 ** 24;

/**
 * The RGB of a picture; of what a canvas gives, alpha is dropped without blending.
 * @example
 * rgbOf({ width: 1, height: 1, data: Uint8ClampedArray.of(10, 20, 30, 255) } as ImageData).data; // [10, 20, 30]
 */
export function rgbOf({ width, height, data }: PagePicture): RgbImage {
  const pixels = width * height;
  if (data.length === 3 * pixels && data instanceof Uint8Array) return { width, height, data };
  if (data.length !== 4 * pixels)
    throw new ImageError(`expected 3 or 4 bytes for each of ${width} x ${height} pixels, found ${data.length}`);
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    rgb[o] = data[i];
    rgb[o + 1] = data[i + 1];
    rgb[o + 2] = data[i + 2];
  }
  return { width, height, data: rgb };
}

/**
 * The pixels of what a page can draw: a file that was dropped, an `<img>`, a `<video>` or one of its frames, a canvas. In a page or a
 * worker, upright as its EXIF says; of more than 2^24 pixels made smaller.
 * @throws ImageError for what the browser cannot decode
 * @example
 * const canvas = new OffscreenCanvas(32, 16);
 * canvas.getContext('2d');
 * const { width, height } = await pictureOf(await canvas.convertToBlob());
 * [width, height]; // [32, 16]
 */
export async function pictureOf(source: ImageBitmapSource): Promise<RgbImage> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch (error) {
    throw new ImageError(`the browser cannot decode this picture: ${(error as Error).message}`);
  }
  const scale = Math.min(1, Math.sqrt(ENOUGH / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.floor(n * scale)));
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new ImageError(`the browser gives no canvas of ${width} x ${height} pixels`);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return rgbOf(context.getImageData(0, 0, width, height));
}
