// Where prepared faces are kept between runs.
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { cacheDir } from '../../device/node/cache';
import { makeFolders } from '../files';

/** `crops` in the per-user cache. */
function defaultCropCache(): string {
  return join(cacheDir(), 'crops');
}

/**
 * The directory that `--cache` means: the given one or the default, made if absent; null for `off`.
 *
 * @throws InputError if it cannot be made
 */
export function openCropCache(cache: string = defaultCropCache()): string | null {
  if (cache === 'off') return null;
  try {
    makeFolders(cache);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(
      `${cache}: cannot be made for the crop cache (${code}); give --cache DIR or --cache off, ` +
        'or set XDG_CACHE_HOME, where --cache is by default, to a folder that can be written',
    );
  }
  return cache;
}
