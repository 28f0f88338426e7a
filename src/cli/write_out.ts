import writeFileAtomic from 'write-file-atomic';
import { InputError, MachineError } from '../device/errors';

/** Writes a file that the user named with --out, as a whole or not at all. @throws InputError if it cannot be written */
export async function writeOut(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFileAtomic(file, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new MachineError(`${file}: cannot be written: ${message}`);
    throw new InputError(`${file}: cannot be written: ${message}; check --out`);
  }
}
