// Where prepared faces are kept between runs.
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../base/errors';
import { cacheDir } from '../device/node/cache';
import { growthOf, packsOf } from './crop_store';
import { checkDiskRoom } from './disk_room';
import { temporaryFolder } from './files';

/** `crops` in the per-user cache. */
export function defaultCropCache(): string {
  return join(cacheDir(), 'crops');
}

/** How much a crop cache holds, of all sizes and versions. */
export function cropCacheUse(dir = defaultCropCache()): { files: number; bytes: number } {
  const packs = existsSync(dir) ? packsOf(dir) : [];
  return { files: packs.length, bytes: packs.reduce((sum, pack) => sum + statSync(join(dir, pack)).size, 0) };
}

/** Removes what a crop cache holds (only its own files) and says how much that was. Running trainings keep theirs. */
export function clearCropCache(dir = defaultCropCache()): { files: number; bytes: number } {
  const use = cropCacheUse(dir);
  for (const pack of existsSync(dir) ? packsOf(dir) : []) rmSync(join(dir, pack), { force: true });
  return use;
}

/**
 * The directory that `--cache` means: the given one, the default, or for `off` a temporary one. It is made if absent.
 *
 * @throws InputError if it cannot be made
 */
export function openCropCache(cache: string = defaultCropCache()): { dir: string; temporary: boolean } {
  if (cache === 'off') return { dir: temporaryFolder('crops', ', or give --cache DIR'), temporary: true };
  try {
    mkdirSync(cache, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(
      `${cache}: cannot be made for the crop cache (${code}); give --cache DIR or --cache off, ` +
        'or set XDG_CACHE_HOME, where --cache is by default, to a folder that can be written',
    );
  }
  return { dir: cache, temporary: false };
}

/** @throws MachineError if `count` crops of this size do not fit the disk of what `--cache` means */
export function checkCropRoom(cache: string | undefined, size: number, count: number): void {
  const off = cache === 'off';
  const dir = off ? tmpdir() : (cache ?? defaultCropCache());
  const ways = off
    ? ', set TMPDIR to a folder on another disk, or give --cache DIR'
    : ' (emotion-gcn cache tells what is kept), or give --cache DIR on another disk';
  checkDiskRoom(dir, growthOf(dir, size, count), `${count} prepared faces of ${size} pixels`, ways);
}
