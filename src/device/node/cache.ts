import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export interface CacheEntry {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Where everything that is kept per user lies: `$XDG_CACHE_HOME/emotion-gcn`, by default `~/.cache/emotion-gcn`. */
export function cacheDir(): string {
  const base = process.env.XDG_CACHE_HOME;
  // The XDG specification: a relative path is to be ignored.
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'emotion-gcn');
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
    return { name, path, bytes: size(path) };
  });
}

/** Removes one entry, or all of them, and returns what was removed. Safe while another process uses the driver. */
export function clearCache(name?: string): CacheEntry[] {
  const entries = cacheEntries().filter((e) => name === undefined || e.name === name);
  for (const e of entries) rmSync(e.path, { recursive: true, force: true });
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

function size(path: string): number {
  const s = lstatSync(path, { throwIfNoEntry: false });
  if (!s?.isDirectory()) return s?.size ?? 0;
  return list(path).reduce((sum, name) => sum + size(join(path, name)), 0);
}
