// The hash of tensors (kernels/hash) on the CPU.
import { crc32 } from '../hashinit';

/** Murmur3's finaliser. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The formula at the head of hash.wgsl, on words in logical order. */
export function reference(tensors: readonly (readonly [name: string, words: Uint32Array])[]): [number, number] {
  const [a, b] = ['a', 'b'].map((stream) => {
    let sum = 0;
    for (const [name, words] of tensors) {
      const salt = crc32(`${stream}/${name}`);
      words.forEach((w, i) => {
        sum = (sum + mix(w ^ mix((salt + Math.imul(i, 0x9e3779b9)) >>> 0))) >>> 0;
      });
    }
    return sum;
  });
  return [a, b];
}
