import { readTfjs } from '../../../src/data/face_weights';
import { encode, filesIn } from '../files';
import type { Target } from '../target';

const FILE = 'fuzzed.json';
/** What every file beside the manifest holds. */
const BLOB = Uint8Array.from({ length: 64 }, (_, i) => 3 * i);

const group = (dtype: string, count: number, quantization?: object): string =>
  JSON.stringify([{ paths: ['w.bin'], weights: [{ name: 'w', shape: [count], dtype, quantization }] }]);

/** Weight manifests of TensorFlow.js. */
export const target: Target = {
  names: FILE,
  seeds: () => [
    encode(group('float32', 16)),
    encode(group('int32', 16)),
    encode(group('float32', 64, { dtype: 'uint8', scale: 0.5, min: -1 })),
    encode(group('float32', 32, { dtype: 'uint16', scale: 0.5, min: -1 })),
    encode(group('float32', 32, { dtype: 'float16' })),
    ...filesIn('node_modules/@vladmandic/face-api/model', /^tiny_face.*manifest\.json$/),
  ],
  read(bytes) {
    for (const [name, { shape, data }] of readTfjs(Buffer.from(bytes), () => BLOB, FILE))
      if (shape.reduce((n, s) => n * s, 1) !== data.length)
        throw new Error(`${name}: ${data.length} numbers of ${shape}`);
  },
};
