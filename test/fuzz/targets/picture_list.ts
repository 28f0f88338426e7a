import { resolve, sep } from 'node:path';
import { listPictures } from '../../../src/data';
import { encode, place, put } from '../files';
import type { Target } from '../target';

const POINTS = Array.from({ length: 136 }, (_, i) => i).join(';');

/** Lists of pictures, as CSV and as lines. What may be used lies in the list's folder. */
export const target: Target = {
  names: 'fuzzed.',
  seeds: () =>
    [
      'image\na.jpg\n"b.png"\n../c.jpg\n',
      `image,face_x,face_y,face_width,face_height,facial_landmarks\na.jpg,1,2,30,40,${POINTS}\nb.jpg,,,,,\n`,
      'subDirectory_filePath,face_x\na/b.jpg,\n',
      'a.jpg\r\n/etc/passwd\n./b/../c.mp4\n',
    ].map(encode),
  async read(bytes) {
    const folder = resolve(place('list', 'x'), '..');
    for (const name of ['list/fuzzed.txt', 'list/fuzzed.csv'])
      for await (const { file, problem } of listPictures(put(name, bytes), { imageDir: folder }))
        if (problem === null && !resolve(file).startsWith(folder + sep) && resolve(file) !== folder)
          throw new Error(`a picture outside of its folder: ${JSON.stringify(file)}`);
  },
};
