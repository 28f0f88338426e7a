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
