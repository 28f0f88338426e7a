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
  const free = freeBytes(dir);
  if (bytes <= free) return;
  const mib = (n: number): string => (n / 2 ** 20).toFixed(1);
  throw new MachineError(
    `${dir}: ${what} need ${mib(bytes)} MiB, its disk has ${mib(free)} MiB free; make room${ways}`,
  );
}

/** Infinity: not to be known. */
function freeBytes(dir: string): number {
  try {
    const { bsize, blocks, bfree, bavail } = statfsSync(dir);
    // Some file systems keep blocks for the administrator; some that are made up have none at all.
    return blocks === 0 ? Number.POSITIVE_INFINITY : bsize * (process.getuid?.() === 0 ? bfree : bavail);
  } catch (error) {
    const above = dirname(dir);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === dir) return Number.POSITIVE_INFINITY;
    return freeBytes(above);
  }
}
