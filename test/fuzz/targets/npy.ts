import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { inFile } from '../../../src/data/files';
import { ImageError } from '../../../src/data/image';
import { poseFromLandmarks } from '../../../src/data/landmarks';
import { readNpy } from '../../../src/formats/npy';
import { writeNpy } from '../../../src/formats/npy_write';
import { filesIn } from '../files';
import type { Target } from '../target';

const FILE = 'fuzzed.npy';

/** Files of NumPy's save: arrays of any kind, and as the landmarks of a face. */
export const target: Target = {
  names: FILE,
  seeds: () => filesIn('test/golden/npy', /\.npy$/, 4096),
  made: fc.oneof(fc.float64Array({ maxLength: 20 }), fc.string({ minLength: 1 })).map(writeNpy),
  read(bytes) {
    try {
      const { leftEye, rightEye } = poseFromLandmarks(bytes, 224, 224);
      if (![...leftEye, ...rightEye].every(Number.isFinite)) throw new Error('eyes that are nowhere');
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
    const array = readNpy(bytes, FILE);
    const list = inFile(FILE, () => array.toList());
    if (list.length !== array.length) throw new Error(`${list.length} elements of ${array.shape}`);
    const [kind, shape] = [`${array.dtype}`, array.shape.length];
    if (kind !== 'f8' || shape !== 1) return;
    const again = readNpy(writeNpy(Float64Array.from(list as number[])), 'as it was written').toList();
    if (!isDeepStrictEqual(again, list)) throw new Error('what is written of it is read otherwise');
  },
};
