import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Fills a folder beside the final one and renames it: whole or not at all, and two processes at once do no harm.
 * @param fill gets an empty folder
 * @param whole whether a folder is as it should be
 * @throws what `fill` throws, unless another process was first
 */
export async function install(
  folder: string,
  fill: (empty: string) => Promise<void>,
  whole: (folder: string) => boolean,
): Promise<void> {
  sweep(folder);
  const before = whole(folder);
  const staging = mkdtempSync(`${folder}.part-`);
  try {
    await fill(staging);
    if (!before && whole(folder)) return; // another process was first: its copy serves
    if (existsSync(folder)) renameSync(folder, join(mkdtempSync(`${folder}.part-`), 'old'));
    renameSync(staging, folder);
  } catch (e) {
    if (before || !whole(folder)) throw e;
  } finally {
    rmSync(staging, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    sweep(folder);
  }
}

/** Removes what earlier set-ups left behind when they were killed, and folders that were replaced. */
function sweep(folder: string): void {
  for (const name of readdirSync(dirname(folder))) {
    const path = join(dirname(folder), name);
    if (!name.startsWith(`${basename(folder)}.part-`)) continue;
    const abandoned = (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < Date.now() - 3600e3;
    if (abandoned || existsSync(join(path, 'old'))) rmSync(path, { recursive: true, force: true });
  }
}
