import { InputError } from '../device/errors';

const PROBLEMS: Record<string, string> = {
  ENOENT: 'no such file; check the path',
  ENOTDIR: 'no such file; check the path',
  EISDIR: 'expected a file, found a directory',
  EACCES: 'may not be read; check its permissions',
};

/** An error of the file system that its user can mend as an InputError naming the file; any other as it is. */
export function asInputError(file: string, error: unknown): unknown {
  const problem = PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
  return problem ? new InputError(`${file}: ${problem}`) : error;
}

/** Puts a file's name before the message of an InputError that `read` throws. */
export function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error;
  }
}
