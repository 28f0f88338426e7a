import { MachineError } from '../base/errors';

/** A piece of device memory. The GPU buffer behind it is made at its first use, so a dry run costs nothing. */
export interface Block {
  readonly id: number;
  readonly size: number;
  free: boolean;
  /** How often it was given back: who took it before that is its owner no more. */
  lease: number;
  /** When it was given back last, in releases. */
  released: number;
  /** How many commands have written into it. */
  writes: number;
  buffer?: GPUBuffer;
  /** The ranges of it that were ever a tensor's, by length and start. */
  readonly places: Map<number, Map<number, Place>>;
}

/** A range of a block: the same object whenever it is the same range. */
export interface Place {
  readonly offset: number;
  readonly bytes: number;
}

/** Blocks are multiples of this many bytes. */
export const GRANULE = 256;
/** Memory that waits for reuse is held up to this many times the most that was ever in use, and so many bytes. */
const HELD = { times: 2, bytes: 32 << 20 };

/**
 * Hands out device memory and takes it back. The choice is deterministic (the smallest fitting free block, of equals the
 * lowest-numbered), so a step that asks for the same sizes in the same order gets the same blocks every time. Where the
 * sizes change, free blocks that were not wanted for longest go back to the driver as the pool grows beyond its bound.
 */
export class Pool {
  private blocks: Block[] = [];
  /** Free blocks by size, the lowest-numbered last, and those sizes in order. */
  private readonly free = new Map<number, Block[]>();
  private sizes: number[] = [];
  private made = 0;
  private releases = 0;
  private liveBytes = 0;
  private totalBytes = 0;
  private peakBytes = 0;
  private mostBytes = 0;
  private rehearsing = false;
  /** What `acquire` gave up. Commands that are recorded may want it: to be destroyed after they are submitted. */
  private outgoing: GPUBuffer[] = [];
  /** Refuse to have more than this many bytes in use. */
  budget = Number.POSITIVE_INFINITY;

  /** @throws MachineError when more than the budget would be in use. */
  acquire(bytes: number, label: string): Block {
    const size = Math.max(GRANULE, Math.ceil(bytes / GRANULE) * GRANULE);
    let best = this.takeFree(size, size + Math.max(size >> 1, 4096));
    if (!best) {
      if (this.liveBytes + size > this.budget) {
        throw new MachineError(
          `out of device memory: ${label} needs ${mib(size)} MiB, ${mib(this.liveBytes)} of ${mib(this.budget)} MiB are taken; use a smaller batch or image size`,
        );
      }
      this.makeRoom(size);
      best = { id: this.made++, size, free: false, lease: 0, released: 0, writes: 0, places: new Map() };
      this.blocks.push(best);
      this.totalBytes += size;
    }
    this.liveBytes += best.size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    if (!this.rehearsing) this.mostBytes = Math.max(this.mostBytes, this.liveBytes);
    return best;
  }

  /** Takes back what was handed out under this lease, once: a block that has another owner by now stays his. */
  release(block: Block, lease: number): void {
    if (block.free || block.lease !== lease) return;
    block.free = true;
    block.lease++;
    block.released = ++this.releases;
    this.liveBytes -= block.size;
    this.putFree(block);
  }

  /** The driver had no memory for this block's buffer: it is nobody's any more. */
  lose(block: Block): void {
    block.buffer?.destroy();
    block.lease++;
    if (!block.free) this.liveBytes -= block.size;
    block.free = true;
    this.keep((b) => b !== block);
  }

  /** Takes the smallest free block of `least` to `most` bytes, of equals the lowest-numbered. */
  private takeFree(least: number, most: number): Block | undefined {
    for (let i = this.placeOf(least); i < this.sizes.length && this.sizes[i] <= most; i++) {
      const blocks = this.free.get(this.sizes[i]) as Block[];
      const block = blocks.pop();
      if (!block) continue;
      block.free = false;
      return block;
    }
    return undefined;
  }

  private putFree(block: Block): void {
    let blocks = this.free.get(block.size);
    if (!blocks) {
      blocks = [];
      this.free.set(block.size, blocks);
      this.sizes.splice(this.placeOf(block.size), 0, block.size);
    }
    let at = blocks.length;
    while (at > 0 && blocks[at - 1].id < block.id) at--;
    blocks.splice(at, 0, block);
  }

  /** The first place in `sizes` of at least `size`. */
  private placeOf(size: number): number {
    let [from, to] = [0, this.sizes.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.sizes[middle] < size) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Gives free blocks up, the ones released first, as far as the bound wants it for a new one. */
  private makeRoom(size: number): void {
    if (this.rehearsing) return;
    const most = Math.max(this.mostBytes, this.liveBytes + size);
    const excess = this.totalBytes + size - Math.min(HELD.times * most + HELD.bytes, this.budget);
    if (excess <= 0) return;
    const oldest = this.blocks.filter((b) => b.free).sort((a, b) => a.released - b.released);
    const given = new Set<Block>();
    let bytes = 0;
    for (const block of oldest) {
      if (bytes >= excess) break;
      given.add(block);
      bytes += block.size;
      if (block.buffer) this.outgoing.push(block.buffer);
    }
    this.keep((b) => !given.has(b));
  }

  /** Whether there are buffers to be destroyed, which takes a submit. */
  get overfull(): boolean {
    return this.outgoing.length > 0;
  }

  /** Everything recorded so far has been submitted: what was given up may go. */
  submitted(): void {
    if (this.outgoing.length === 0) return;
    for (const buffer of this.outgoing) buffer.destroy();
    this.outgoing = [];
  }

  /** Bytes in use, held (in use or waiting for reuse) and the most that were ever in use since `resetPeak`. */
  stats(): { live: number; held: number; peak: number; blocks: number } {
    return { live: this.liveBytes, held: this.totalBytes, peak: this.peakBytes, blocks: this.blocks.length };
  }

  /** Until the function that it returns is called, what is asked for is counted and leaves nothing behind. */
  rehearse(): () => void {
    this.rehearsing = true;
    this.resetPeak();
    return () => {
      this.rehearsing = false;
      this.keep((b) => b.buffer !== undefined || !b.free);
      this.resetPeak();
    };
  }

  /** Gives the memory of free blocks back to the driver. Nothing that was recorded may still want it. */
  shrink(): void {
    for (const b of this.blocks) if (b.free) b.buffer?.destroy();
    this.keep((b) => !b.free);
  }

  private keep(worth: (block: Block) => boolean): void {
    this.blocks = this.blocks.filter(worth);
    for (const [size, blocks] of this.free) {
      const kept = blocks.filter(worth);
      if (kept.length > 0) this.free.set(size, kept);
      else this.free.delete(size);
    }
    this.sizes = this.sizes.filter((size) => this.free.has(size));
    this.totalBytes = this.blocks.reduce((sum, b) => sum + b.size, 0);
  }

  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  destroy(): void {
    this.submitted();
    for (const b of this.blocks) b.buffer?.destroy();
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
