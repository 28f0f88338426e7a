// A case that is no file, but what is changed in one: three bytes a change, where (16 bits) and what is flipped there.
import fc from 'fast-check';

export function edited(file: Uint8Array, changes: Uint8Array): Uint8Array {
  const copy = file.slice();
  for (let i = 0; i + 2 < changes.length; i += 3)
    copy[(changes[i] | (changes[i + 1] << 8)) % file.length] ^= changes[i + 2];
  return copy;
}

/** One to three bits, anywhere. */
export const edits = (length: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.tuple(fc.nat(length - 1), fc.nat(7)), { minLength: 1, maxLength: 3 })
    .map((all) => Uint8Array.from(all.flatMap(([at, bit]) => [at & 255, at >> 8, 1 << bit])));
