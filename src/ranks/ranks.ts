// Several processes that train one network, each on a device of its own: what they say to each other.

/**
 * One of `size` processes. All ranks make the same calls in the same order; a call resolves when all have made it, and rejects on all of
 * them, with the name and reason of the one to blame, where one is dead, stopped, failing or at another call.
 */
export interface Ranks {
  /** From 0. */
  readonly rank: number;
  readonly size: number;
  /** Its place among the ranks on its host, and how many those are. */
  readonly local: { readonly rank: number; readonly size: number };
  /** Numbers for `add` that are exchanged where they lie. */
  floats(length: number): Float32Array<SharedArrayBuffer>;
  /**
   * Adds the ranks' numbers onto `sum` in rank order, ((sum + part 0) + part 1) + ..., each addition that of `addOnto`: the same bits
   * whatever the library. Ranks whose `part` is null add nothing, and get the sum too. `sum` is the same on all ranks, before and after.
   */
  add(sum: Float32Array<SharedArrayBuffer>, part: Float32Array<SharedArrayBuffer> | null, how: Adding): Promise<void>;
  /** Each rank's bytes, in rank order; their lengths may differ. */
  gather(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
}

/** Which subnormal numbers an addition takes for 0, as a device may: those that it adds, and a result. */
export interface Flush {
  readonly inputs: boolean;
  readonly results: boolean;
}

export interface Adding {
  /** `sum` has no numbers yet: it begins with the first part, as it is. */
  readonly fresh: boolean;
  readonly flush: Flush;
}

/** The least number of float32 that is normal. */
const LEAST = 2 ** -126;

/** sum += part, as a device adds float32. */
export function addOnto(sum: Float32Array, part: Float32Array, { inputs, results }: Flush): void {
  const { length } = sum;
  if (!inputs && !results) {
    for (let i = 0; i < length; i++) sum[i] += part[i];
    return;
  }
  // Times 0, they keep their sign.
  const flushed = (v: number): number => (v < LEAST && v > -LEAST ? v * 0 : v);
  for (let i = 0; i < length; i++) {
    const [a, b] = [sum[i], part[i]];
    const v = inputs ? flushed(a) + flushed(b) : a + b;
    // What is that small is exact.
    sum[i] = results ? flushed(v) : v;
  }
}

/** A process that nobody started beside others. */
export const ALONE: Ranks = {
  rank: 0,
  size: 1,
  local: { rank: 0, size: 1 },
  floats: (length) => new Float32Array(new SharedArrayBuffer(4 * length)),
  async add(sum, part, { fresh, flush }) {
    if (part === null) return;
    if (fresh) sum.set(part);
    else addOnto(sum, part, flush);
  },
  gather: async (bytes) => [bytes],
};
