// What is about to be written, against what the disk has free.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { MachineError } from '../base/errors';

/**
 * Refuses what will not fit. Where a file system does not tell what is free, nothing is refused.
 * @param dir folder that will be written, or is to be made
 * @param bytes what will be written there
 * @param what it is: completes "... need 5 MiB"
 * @param ways out
 * @throws MachineError naming folder, need, what is free, and the ways out
 */
export function checkDiskRoom(dir: string, bytes: number, what: string, ways: string): void {
  const { free } = diskOf(dir);
  if (bytes <= free) return;
  const mib = (n: number): string => (n / 2 ** 20).toFixed(1);
  throw new MachineError(
    `${dir}: ${what} need ${mib(bytes)} MiB, its disk has ${mib(free)} MiB free; make room${ways}`,
  );
}

/** What a cache leaves free on its disk, at most: checkpoints and much else may have to be written there. */
const LEFT = 2 ** 28;

/** Bytes that a cache may fill in a folder, there or to be made: what is free, but for 256 MiB or a twentieth of the disk. */
export function diskRoom(dir: string): number {
  const { free, size } = diskOf(dir);
  return free - Math.min(LEFT, size / 20);
}

/** Bytes; Infinity: not to be known. */
function diskOf(dir: string): { free: number; size: number } {
  const unknown = { free: Number.POSITIVE_INFINITY, size: 0 };
  try {
    const { bsize, blocks, bfree, bavail } = statfsSync(dir);
    // Some file systems keep blocks for the administrator; some that are made up have none at all.
    return blocks === 0 ? unknown : { free: bsize * (process.getuid?.() === 0 ? bfree : bavail), size: bsize * blocks };
  } catch (error) {
    const above = dirname(dir);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === dir) return unknown;
    return diskOf(above);
  }
}
