// How a run's files are written: as a whole or not at all, so that a reader or a crash never meets half of one.
import writeFileAtomic from 'write-file-atomic';
import { InputError, MachineError } from '../../base/errors';

/** @throws InputError if the path cannot be written, MachineError if the disk is full */
export async function writeRunFile(path: string, content: string | Uint8Array): Promise<void> {
  try {
    const data =
      typeof content === 'string' ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
    await writeFileAtomic(path, data);
  } catch (error) {
    throw writeError(path, error);
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
