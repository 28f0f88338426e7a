import { MachineError } from './errors';

/** A piece of device memory. The GPU buffer behind it is made at its first use, so a dry run costs nothing. */
export interface Block {
  readonly id: number;
  readonly size: number;
  free: boolean;
  buffer?: GPUBuffer;
}

const GRANULE = 256;

/**
 * Hands out device memory and takes it back. The choice is deterministic (the smallest fitting free block, of equals the
 * lowest-numbered), so a step that asks for the same sizes in the same order gets the same blocks every time.
 */
export class Pool {
  private blocks: Block[] = [];
  private made = 0;
  private liveBytes = 0;
  private totalBytes = 0;
  private peakBytes = 0;
  /** Refuse to hold more than this many bytes in all. */
  budget = Number.POSITIVE_INFINITY;

  /** @throws MachineError when the pool would grow beyond its budget. */
  acquire(bytes: number, label: string): Block {
    const size = Math.max(GRANULE, Math.ceil(bytes / GRANULE) * GRANULE);
    const largest = size + Math.max(size >> 1, 4096);
    let best: Block | undefined;
    for (const b of this.blocks) {
      if (b.free && b.size >= size && b.size <= largest && (!best || b.size < best.size)) best = b;
      if (best?.size === size) break;
    }
    if (!best) {
      if (this.totalBytes + size > this.budget) {
        throw new MachineError(
          `out of device memory: ${label} needs ${mib(size)} MiB, ${mib(this.totalBytes)} of ${mib(this.budget)} MiB are taken; use a smaller batch or image size`,
        );
      }
      best = { id: this.made++, size, free: true };
      this.blocks.push(best);
      this.totalBytes += size;
    }
    best.free = false;
    this.liveBytes += best.size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return best;
  }

  release(block: Block): void {
    if (block.free) return;
    block.free = true;
    this.liveBytes -= block.size;
  }

  /** Bytes in use, held (in use or waiting for reuse) and the most that were ever in use since `resetPeak`. */
  stats(): { live: number; held: number; peak: number; blocks: number } {
    return { live: this.liveBytes, held: this.totalBytes, peak: this.peakBytes, blocks: this.blocks.length };
  }

  /** Forgets blocks that were asked for in a dry run and never used. */
  trim(): void {
    this.blocks = this.blocks.filter((b) => b.buffer || !b.free);
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
