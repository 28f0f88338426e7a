import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkDiskRoom } from '../../data/disk_room';
import type { TrainArgs } from '../settings/args';
import { bytesOf, type Learning } from './checkpoint';
import { isRunFile } from './files';

/** For headers, tables, pictures and the log. */
const REST = 2 ** 21;

/** At most, of an event file, for a parameter in an epoch: how it and its gradient are spread, a bucket in 16 bytes. */
const SPREAD = 2 ** 13;

/**
 * Looks whether the disk has room for all that a run writes: best weights, those of the last epochs, the last
 * checkpoint, the one before and one on its way; event files.
 * What the run folder holds already is counted.
 * @throws MachineError if it has not
 */
export function checkRunRoom(
  { saved_model: dir, keep, epochs, tensorboard }: Pick<TrainArgs, 'saved_model' | 'keep' | 'epochs' | 'tensorboard'>,
  learning: Learning,
): void {
  const { weights, checkpoint } = bytesOf(learning);
  const at = join(dir, 'weights');
  const names = existsSync(at) ? readdirSync(at).filter((name) => isRunFile(`weights/${name}`)) : [];
  const has = names.reduce((sum, name) => sum + (statSync(join(at, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  // A new epoch's are written before the oldest go.
  const kept = keep > 0 ? Math.min(keep + 1, epochs) * weights : 0;
  const events = tensorboard ? epochs * learning.optimizer.params.length * SPREAD : 0;
  const needs = Math.max(checkpoint, weights + kept + 3 * checkpoint - has) + events + REST;
  checkDiskRoom(dir, needs, 'weights and checkpoints', ', or give --saved_model on another disk');
}
