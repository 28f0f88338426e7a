import { randomStream } from '../../base/random';
import { type Device, defineKernel, type Storage } from '../../device';
import source from './hash.wgsl';

const kernel = defineKernel('hash', source);

/** What is hashed of a memory: a tensor's words, of 32 bits. */
export interface Hashed {
  /** Tells it from others with the same content. */
  readonly name: string;
  readonly memory: Storage;
  /** The word of the memory that it begins with. */
  readonly word: number;
  readonly words: number;
  /** (outputs, inputs, taps) of what lies as [tap][input][output]; null: in logical order. */
  readonly taps: readonly [number, number, number] | null;
}

/** A launch for each memory, and the pieces of all. */
export interface HashPlan {
  readonly pieces: Uint32Array;
  readonly launches: readonly { readonly memory: Storage; readonly first: number; readonly count: number }[];
}

/** Words of a piece, which a workgroup hashes. */
const PIECE = 1024;
const PIECE_WORDS = 8;

const saltOf = (name: string): [x: number, y: number] => [randomStream(`a/${name}`, 0), randomStream(`b/${name}`, 0)];

export function planOf(tensors: readonly Hashed[]): HashPlan {
  const memories = new Map<Storage, Hashed[]>();
  for (const tensor of tensors) {
    const others = memories.get(tensor.memory);
    if (others) others.push(tensor);
    else memories.set(tensor.memory, [tensor]);
  }
  const pieces: number[] = [];
  const launches = [...memories].map(([memory, tensors]) => {
    const first = pieces.length / PIECE_WORDS;
    for (const { name, word, words, taps } of tensors) {
      const [outputs, inputs, count] = taps ?? [1, 1, words];
      const [x, y] = saltOf(name);
      for (let at = 0; at < words; at += PIECE)
        pieces.push(word + at, Math.min(PIECE, words - at), at, outputs, inputs, count, x, y);
    }
    return { memory, first, count: pieces.length / PIECE_WORDS - first };
  });
  return { pieces: Uint32Array.from(pieces), launches };
}

/**
 * A hash of tensors as two words, the bits of their elements, places and names: the same wherever they lie in memory. One word that differs
 * always gives another; of others one in 2^64 does not.
 * @param pieces memory that holds the plan's
 */
export function hash(device: Device, { launches }: HashPlan, pieces: Storage, into: Storage): void {
  device.clear(into);
  // As in `passOver`: a driver on a CPU walks straight through memory.
  const constants = { LANES: device.software ? 8 : 64 };
  for (const { memory, first, count } of launches)
    device.dispatch(kernel, {
      buffers: { memory, pieces, hash: into },
      params: { first },
      constants,
      workgroups: [count],
      label: `hash ${count}`,
    });
}
