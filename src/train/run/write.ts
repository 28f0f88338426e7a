// How a run's files are written: as a whole or not at all, so that a reader or a crash never meets half of one.
import { linkSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError, MachineError } from '../../base/errors';
import { renameOver, syncFolder } from '../../data/platform';

/** Of which file this name is a half, that is being written or was left by a program that was killed; undefined: of none. */
export const halfOf = (name: string): string | undefined => /^(.+)\.\d+\.tmp$/.exec(name)?.[1];

/**
 * Writes a file beside its place, brings it to the disk, and moves it there.
 * @param previous where the file that is there now is kept
 * @throws InputError if the path cannot be written, MachineError if the disk is full
 */
export async function writeRunFile(path: string, content: string | Uint8Array, previous?: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (previous !== undefined) await keep(path, previous);
    await renameOver(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw writeError(path, error);
  }
}

/** Gives a file a second name; where the file system has no second names, moves it. */
async function keep(path: string, previous: string): Promise<void> {
  rmSync(previous, { force: true });
  try {
    linkSync(path, previous);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') await renameOver(path, previous);
  }
}

/** NaN, which JSON lacks, becomes null. */
export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A full disk is the machine's fault; a path that may not be written is the caller's. */
export function writeError(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') {
    return new MachineError(`${path}: cannot be written: ${message}; make room on the disk`);
  }
  return new InputError(`${path}: cannot be written: ${message}; check --saved_model and its permissions`);
}
