// What annotations were read from, and whether it is still the same: told by sizes and times, without reading it.
import { createHash } from 'node:crypto';
import { readdirSync, type Stats, statSync } from 'node:fs';
import { foldersIn, isPartName } from './layouts/folder_parts';
import { inThreads } from './threads';

/** A file or folder that a reader has looked at. */
export interface Source {
  /** There need be nothing. */
  readonly path: string;
  /**
   * What of it counts. By default a file, or which entries a folder has; `there`: only whether there is something; `parts`: which sets a
   * folder has; a pattern: which entries a folder has, and each file in it whose name fits.
   */
  readonly counts?: 'there' | 'parts' | RegExp;
}

/** What sources are at a moment. */
export interface Stamp {
  /** Another where they have changed. */
  readonly digest: string;
  /** When the last of them changed, in milliseconds. */
  readonly changed: number;
}

/** Files in one message, and threads that ask for their times: some microseconds of a processor each, and on some disks a wait. */
const GROUP = 4096;
const THREADS = 4;

/** @throws the file system's error for a folder that cannot be looked into */
export async function stampOf(sources: readonly Source[]): Promise<Stamp> {
  const hash = createHash('sha256');
  let changed = 0;
  for (const { path, counts } of sources) {
    hash.update(`${path.length} ${path} ${counts}\n`);
    if (counts === 'parts') {
      hash.update(JSON.stringify(foldersIn(path).filter(isPartName)));
      continue;
    }
    const found = statSync(path, { throwIfNoEntry: false });
    if (counts === 'there' || !found) {
      hash.update(String(found !== undefined));
      continue;
    }
    hash.update(timesOf(found).join());
    changed = Math.max(changed, found.mtimeMs, found.ctimeMs);
    if (counts === undefined) continue;
    const names = readdirSync(path).filter((name) => counts.test(name));
    const groupAt = (i: number): string[] => names.slice(i * GROUP, (i + 1) * GROUP);
    const stamps: Stamp[] = new Array(Math.ceil(names.length / GROUP));
    if (stamps.length < 2) stamps[0] = stampOfFiles(path, names);
    else
      await inThreads(
        'stamp-worker.js',
        path,
        { threads: THREADS, count: stamps.length },
        groupAt,
        (stamp: Stamp, i) => {
          stamps[i] = stamp;
        },
      );
    for (const stamp of stamps) {
      hash.update(stamp.digest);
      changed = Math.max(changed, stamp.changed);
    }
  }
  return { digest: hash.digest('hex'), changed };
}

/** The stamp of files in a folder. */
export function stampOfFiles(dir: string, names: readonly string[]): Stamp {
  const times = new Float64Array(names.length * 4);
  let changed = 0;
  for (const [i, name] of names.entries()) {
    const found = statSync(`${dir}/${name}`, { throwIfNoEntry: false });
    if (!found) continue;
    times.set(timesOf(found), 4 * i);
    changed = Math.max(changed, found.mtimeMs, found.ctimeMs);
  }
  const hash = createHash('sha256').update(names.join('\0')).update(times);
  return { digest: hash.digest('hex'), changed };
}

/** The time of change of the entry as well, which no program can set back. */
const timesOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): number[] => [ino, size, mtimeMs, ctimeMs];
