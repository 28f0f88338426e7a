import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { InputError } from '../../base/errors';

export interface CacheEntry {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Where everything that is kept per user lies: `$XDG_CACHE_HOME/emotion-gcn`, by default `~/.cache/emotion-gcn`.
 * @throws InputError when neither is known, as in a container whose user has no name
 */
export function cacheDir(): string {
  const { XDG_CACHE_HOME: base } = process.env;
  // The XDG specification: a relative path is to be ignored.
  if (base && isAbsolute(base)) return join(base, 'emotion-gcn');
  const home = homeDir();
  if (home !== undefined) return join(home, '.cache', 'emotion-gcn');
  throw new InputError(
    'there is no place to keep drivers and prepared faces: this user has no home folder (HOME is not set, or empty); ' +
      'set XDG_CACHE_HOME to a folder that can be written',
  );
}

/** The home folder by HOME, else by the user's entry in the system; neither need be there. */
function homeDir(): string | undefined {
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const home = find();
      if (isAbsolute(home)) return home;
    } catch {
      // A user id without an entry.
    }
  }
  return undefined;
}

/** Makes the cache folder if need be. @throws Error with the way out when it cannot be written. */
export function ensureCacheDir(): string {
  const dir = cacheDir();
  try {
    mkdirSync(dir, { recursive: true });
  } catch (e) {
    throw new Error(`cannot make ${dir} (${(e as Error).message}); set XDG_CACHE_HOME to a folder that can be written`);
  }
  return dir;
}

/** What is in the cache, by name, with the bytes that each entry takes. */
export function cacheEntries(): CacheEntry[] {
  return list(cacheDir()).map((name) => {
    const path = join(cacheDir(), name);
    return { name, path, bytes: bytesOf(path) };
  });
}

/** Removes one entry, or all of them, and returns what was removed. Safe while another process uses the driver. */
export function clearCache(name?: string): CacheEntry[] {
  const entries = cacheEntries().filter((e) => name === undefined || e.name === name);
  // Another process may be adding to what is removed.
  for (const e of entries) rmSync(e.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  return entries;
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw e;
  }
}

/** Bytes of a file, or of all below a folder; 0: there is neither. */
export function bytesOf(path: string): number {
  const s = lstatSync(path, { throwIfNoEntry: false });
  if (!s?.isDirectory()) return s?.size ?? 0;
  return list(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
