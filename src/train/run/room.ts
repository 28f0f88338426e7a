import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkDiskRoom } from '../../data/disk_room';
import { bytesOf, type Learning } from './checkpoint';
import { BEST, LAST, PREVIOUS } from './files';

/** For headers, tables, pictures and the log. */
const REST = 2 ** 21;

/**
 * Looks whether the disk has room for all that a run writes: best weights, the last checkpoint, the one before and one on its way.
 * @param dir the run folder, there or not; what it holds already is counted
 * @throws MachineError if it has not
 */
export function checkRunRoom(dir: string, learning: Learning): void {
  const { weights, checkpoint } = bytesOf(learning);
  const sizeOf = (name: string): number => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0;
  const has = [BEST, LAST, PREVIOUS].reduce((sum, name) => sum + sizeOf(name), 0);
  const needs = Math.max(checkpoint, weights + 3 * checkpoint - has) + REST;
  checkDiskRoom(dir, needs, 'weights and checkpoints', ', or give --saved_model on another disk');
}
