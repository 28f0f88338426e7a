import type { Target } from '../target';
import { drawn, pictures } from './pictures';

/** JPEG: by libjpeg-turbo as WebAssembly where it is plain, else by libvips. */
export const target: Target = pictures(() =>
  Promise.all([
    drawn().jpeg().toBuffer(),
    drawn().jpeg({ chromaSubsampling: '4:4:4', quality: 30 }).toBuffer(),
    drawn().jpeg({ progressive: true }).toBuffer(),
    drawn().greyscale().jpeg().toBuffer(),
    drawn()
      .withExif({ IFD0: { Orientation: '6' } })
      .jpeg()
      .toBuffer(),
    drawn().toColourspace('cmyk').jpeg().toBuffer(),
  ]),
);
