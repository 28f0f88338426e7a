// What ranks send each other beside numbers that are added: values of JSON, with bytes.
import { InputError } from '../base/errors';
import type { Ranks } from './ranks';

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
const aligned = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** A value of JSON, with bytes and numbers beside it. */
export interface Parcel<T> {
  readonly value: T;
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
}

/** As bytes: the lengths of all pieces, the JSON, the parts, each from a multiple of 4 on. */
export function pack(value: unknown, parts: readonly (Uint8Array | Float32Array)[] = []): Uint8Array {
  const text = encoder.encode(JSON.stringify(value));
  const pieces = [text, ...parts.map((p) => new Uint8Array(p.buffer, p.byteOffset, p.byteLength))];
  const lengths = Uint32Array.from([pieces.length, ...pieces.map(({ length }) => length)]);
  const bytes = new Uint8Array(lengths.byteLength + pieces.reduce((n, { length }) => n + aligned(length), 0));
  bytes.set(new Uint8Array(lengths.buffer));
  let at = lengths.byteLength;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += aligned(piece.length);
  }
  return bytes;
}

/** What `pack` has made bytes of. */
export function unpack<T>(bytes: Uint8Array): Parcel<T> {
  const copy = bytes.slice();
  const [count] = new Uint32Array(copy.buffer, 0, 1);
  const lengths = new Uint32Array(copy.buffer, 4, count);
  let at = 4 + lengths.byteLength;
  const [text, ...parts] = Array.from(lengths, (length) => {
    at += aligned(length);
    return new Uint8Array(copy.buffer, at - aligned(length), length);
  });
  return { value: JSON.parse(decoder.decode(text)), parts };
}

/** A part of float32 numbers. */
export const floatsOf = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> =>
  new Float32Array(buffer, byteOffset, byteLength / 4);

/** On all ranks what rank 0 has. @param own is looked at on rank 0 alone */
export async function fromFirst<T>(ranks: Ranks, own: T | null): Promise<T> {
  if (ranks.size === 1) return own as T;
  const [first] = await ranks.gather(ranks.rank === 0 ? pack(own) : new Uint8Array());
  return unpack<T>(first).value;
}

/** Of all ranks what each has, in their order. */
export async function ofAll<T>(ranks: Ranks, own: T): Promise<T[]> {
  return ranks.size === 1 ? [own] : (await ranks.gather(pack(own))).map((bytes) => unpack<T>(bytes).value);
}

/**
 * Makes sure that all ranks have the same of everything.
 * @param own by the name that a person knows it by
 * @throws InputError on all ranks, with the first that differs
 */
export async function sameOnAll(ranks: Ranks, own: Readonly<Record<string, string>>): Promise<void> {
  const [first, ...others] = await ofAll(ranks, own);
  for (const [i, other] of others.entries())
    for (const name of new Set([...Object.keys(first), ...Object.keys(other)])) {
      const [a, b] = [first[name] ?? 'nothing', other[name] ?? 'nothing'];
      if (a !== b)
        throw new InputError(
          `rank ${i + 1} differs: ${name} is ${b}, rank 0 has ${a}; start all ranks with the same settings, data and version, on the same adapter`,
        );
    }
}
