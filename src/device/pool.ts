import { MachineError } from '../base/errors';

/** A piece of device memory. The GPU buffer behind it is made at its first use, so a dry run costs nothing. */
export interface Block {
  readonly id: number;
  readonly size: number;
  free: boolean;
  buffer?: GPUBuffer;
  /** The ranges of it that were ever a tensor's. */
  readonly places: Place[];
}

/** A range of a block: the same object whenever it is the same range. */
export interface Place {
  readonly offset: number;
  readonly bytes: number;
}

const GRANULE = 256;

/**
 * Hands out device memory and takes it back. The choice is deterministic (the smallest fitting free block, of equals the
 * lowest-numbered), so a step that asks for the same sizes in the same order gets the same blocks every time.
 */
export class Pool {
  private blocks: Block[] = [];
  /** Free blocks by size, the lowest-numbered last, and those sizes in order. */
  private readonly free = new Map<number, Block[]>();
  private readonly sizes: number[] = [];
  private made = 0;
  private liveBytes = 0;
  private totalBytes = 0;
  private peakBytes = 0;
  /** Refuse to hold more than this many bytes in all. */
  budget = Number.POSITIVE_INFINITY;

  /** @throws MachineError when the pool would grow beyond its budget. */
  acquire(bytes: number, label: string): Block {
    const size = Math.max(GRANULE, Math.ceil(bytes / GRANULE) * GRANULE);
    let best = this.takeFree(size, size + Math.max(size >> 1, 4096));
    if (!best) {
      if (this.totalBytes + size > this.budget) {
        throw new MachineError(
          `out of device memory: ${label} needs ${mib(size)} MiB, ${mib(this.totalBytes)} of ${mib(this.budget)} MiB are taken; use a smaller batch or image size`,
        );
      }
      best = { id: this.made++, size, free: false, places: [] };
      this.blocks.push(best);
      this.totalBytes += size;
    }
    this.liveBytes += best.size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return best;
  }

  release(block: Block): void {
    if (block.free) return;
    block.free = true;
    this.liveBytes -= block.size;
    this.putFree(block);
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

  /** Bytes in use, held (in use or waiting for reuse) and the most that were ever in use since `resetPeak`. */
  stats(): { live: number; held: number; peak: number; blocks: number } {
    return { live: this.liveBytes, held: this.totalBytes, peak: this.peakBytes, blocks: this.blocks.length };
  }

  /** Forgets blocks that were asked for in a dry run and never used. */
  trim(): void {
    this.keep((b) => b.buffer !== undefined || !b.free);
  }

  /** Gives the memory of free blocks back to the driver. Nothing that was recorded may still want it. */
  shrink(): void {
    for (const b of this.blocks) if (b.free) b.buffer?.destroy();
    this.keep((b) => !b.free);
  }

  private keep(worth: (block: Block) => boolean): void {
    this.blocks = this.blocks.filter(worth);
    for (const [size, blocks] of this.free) this.free.set(size, blocks.filter(worth));
    this.totalBytes = this.blocks.reduce((sum, b) => sum + b.size, 0);
  }

  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  destroy(): void {
    for (const b of this.blocks) b.buffer?.destroy();
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
