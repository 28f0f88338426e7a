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
   * Adds the ranks' numbers onto `sum` in rank order and in float32, ((sum + part 0) + part 1) + ...: the same bits whatever the library.
   * Ranks whose `part` is null add nothing, and get the sum too. `sum` is the same on all ranks, before and after.
   * @param fresh `sum` has no numbers yet: it begins with the first part, as it is
   */
  add(
    sum: Float32Array<SharedArrayBuffer>,
    part: Float32Array<SharedArrayBuffer> | null,
    fresh: boolean,
  ): Promise<void>;
  /** Each rank's bytes, in rank order; their lengths may differ. */
  gather(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
}

/** A process that nobody started beside others. */
export const ALONE: Ranks = {
  rank: 0,
  size: 1,
  local: { rank: 0, size: 1 },
  floats: (length) => new Float32Array(new SharedArrayBuffer(4 * length)),
  async add(sum, part, fresh) {
    if (part === null) return;
    if (fresh) sum.set(part);
    else for (let i = 0; i < sum.length; i++) sum[i] += part[i];
  },
  gather: async (bytes) => [bytes],
};
