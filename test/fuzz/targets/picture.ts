import type { Target } from '../target';
import { drawn, pictures } from './pictures';

/** PNG, WebP, GIF, TIFF and AVIF, by libvips. */
export const target: Target = pictures(() =>
  Promise.all((['png', 'webp', 'gif', 'tiff', 'avif'] as const).map((format) => drawn().toFormat(format).toBuffer())),
);
