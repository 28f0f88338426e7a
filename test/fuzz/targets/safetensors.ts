import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors';
import { filesIn } from '../files';
import type { Target } from '../target';

const FILE = 'fuzzed.safetensors';

const flat = <T extends { readonly length: number }>(data: T) => ({ shape: [data.length], data });
const tensor = fc.oneof(
  fc.float32Array({ maxLength: 8 }).map(flat),
  fc.float64Array({ maxLength: 8 }).map(flat),
  fc.int32Array({ maxLength: 8 }).map((data) => ({ shape: [1, data.length, 1], data })),
  fc.bigInt64Array({ minLength: 1, maxLength: 1 }).map((data) => ({ shape: [], data })),
  fc.uint8Array({ maxLength: 8 }).map(flat),
);
const names = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__');

/** safetensors, with a checksum and without. */
export const target: Target = {
  names: FILE,
  seeds: () => filesIn('test/golden/ops', /(linear|relu)/, 4096),
  made: fc
    .tuple(fc.dictionary(names, tensor, { maxKeys: 6 }), fc.dictionary(names, fc.string()), fc.boolean())
    .map(([tensors, metadata, sealed]) => writeSafetensors(tensors, metadata, { sealed })),
  read(bytes) {
    const first = readSafetensors(bytes, FILE);
    const { checksum: _, ...metadata } = first.metadata;
    const again = readSafetensors(writeSafetensors(first.tensors, metadata, { sealed: true }), 'as it was written');
    const { checksum: __, ...told } = again.metadata;
    const numbers = ({ tensors }: typeof first) =>
      new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data }]));
    if (!isDeepStrictEqual([numbers(again), told], [numbers(first), metadata]))
      throw new Error('what is written of it is read otherwise');
  },
};
