// What differs between Linux, macOS and Windows in how files are written and programs are stopped: this place knows it, and nobody else
// has to.
import { open, rename } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * The signals that ask a program to end, with the exit code of one that did: 128 + the signal's number. Windows has Ctrl-C as SIGINT, and
 * a closed console as SIGHUP, after which it gives some ten seconds; nobody can send it SIGTERM: what is ended so is gone at once.
 */
export const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What Windows says of a file that another program (an editor, a virus scanner) has open. */
const HELD = ['EPERM', 'EACCES', 'EBUSY'];
/** Milliseconds for which it is tried again: 10, then twice as long each time. */
const MOST_MS = 2000;

/**
 * Gives a file another name, in place of whatever has that: at once, for everybody. On Windows it waits for a file that somebody has
 * open, up to 2 seconds.
 * @throws the error of the file system
 */
export async function renameOver(
  from: string,
  to: string,
  { move = rename, platform = process.platform }: { move?: typeof rename; platform?: NodeJS.Platform } = {},
): Promise<void> {
  for (let ms = 10; ; ms *= 2) {
    try {
      return await move(from, to);
    } catch (error) {
      const held = platform === 'win32' && HELD.includes((error as NodeJS.ErrnoException).code ?? '');
      if (!held || ms > MOST_MS / 2) throw error;
    }
    await wait(ms);
  }
}

/** So that a new name outlives a power cut. Windows has no such call, and writes names down by itself. */
export async function syncFolder(path: string, platform: NodeJS.Platform = process.platform): Promise<void> {
  if (platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
