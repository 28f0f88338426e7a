import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt, makeFolders } from '../../data/files';
import { checkNotOfRun } from '../run/files';

/**
 * Makes the folder of `--out`, before any work is done for its files.
 * @throws InputError if it cannot be made, or one of the files is a run's
 */
export function makeOutFolder(dir: string, files: readonly string[]): void {
  for (const name of files) checkNotOfRun(join(dir, name));
  try {
    makeFolders(dir);
  } catch (error) {
    const found = lookAt(dir);
    const what = found === 'nothing' ? (error as Error).message : `expected a folder, found ${found}`;
    throw new InputError(`--out ${dir}: cannot be made: ${what}`);
  }
}
