/** 8-bit RGB picture: `data[(y * width + x) * 3 + c]`. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Largest picture that is decoded, and largest face box that is cut: 2^27 pixels are 403 MB of RGB. */
export const MAX_PIXELS = 2 ** 27;

/**
 * A picture that cannot be used. The message is the reason alone, fit for a list of bad images.
 * @example
 * await decodeImage(new Uint8Array(8)).catch((error) => {
 *   error instanceof ImageError; // true
 * });
 */
export class ImageError extends Error {
  override name = 'ImageError';
}
