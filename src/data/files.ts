// The user's files: reading and writing them, and what goes wrong with it in words.
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, type ReadStream, readFileSync, type Stats, statSync } from 'node:fs';
import { open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InputError, MachineError } from '../base/errors';
import { useSha256 } from '../base/sha256';
import { renameOver } from './platform';

// Node's own, several times as quick, by which files of weights are sealed.
useSha256((parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'));

const PROBLEMS: Record<string, string> = {
  ENOENT: 'no such file; check the path',
  ENOTDIR: 'no such file; check the path',
  EISDIR: 'expected a file, found a folder',
  EACCES: 'may not be read; check its permissions',
  EPERM: 'may not be read; check its permissions',
  EIO: 'cannot be read: its disk fails, or it is no ordinary file',
  ELOOP: 'expected a file, found a symbolic link that leads back to itself',
  ENAMETOOLONG: 'expected a path, found one that is too long',
  ERR_INVALID_ARG_VALUE: 'expected a path, found one with a zero byte',
};

/** An error of the file system that its user can mend as an InputError naming the file; any other as it is. */
export function asInputError(file: string, error: unknown): unknown {
  const problem = PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
  return problem ? new InputError(`${file}: ${problem}`) : error;
}

/**
 * Makes a folder and those that it lies in. Node's own `recursive` never ends where a file system, such as /proc, says that there is no
 * such folder to make it in.
 * @returns the folders that were not there, outermost first
 * @throws the error of the file system
 */
export function makeFolders(dir: string): string[] {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return [];
  const above = dirname(resolve(dir));
  const made = above === resolve(dir) ? [] : makeFolders(above);
  try {
    mkdirSync(dir);
    made.push(dir);
  } catch (error) {
    // Another process was faster.
    if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
  return made;
}

/**
 * A new folder for what is gone when its maker is done.
 * @param ways further ways out, for a message
 * @throws InputError if the machine has no place for it
 */
export function temporaryFolder(name: string, ways = ''): string {
  try {
    return mkdtempSync(join(tmpdir(), `emotion-gcn-${name}-`));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(`${tmpdir()}: cannot be used (${code}); set TMPDIR to a folder that can be written${ways}`);
  }
}

/** Puts a file's name before the message of an InputError that `read` throws. */
export function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error;
  }
}

const kindOf = (found: Stats): string =>
  found.isFile() ? 'a file' : found.isDirectory() ? 'a folder' : 'a pipe, socket or device';

/** What is at a path: `a file`, `a folder`, `nothing`, or something else in words. */
export function lookAt(path: string): string {
  try {
    return kindOf(statSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'nothing' : `what cannot be read (${code})`;
  }
}

/** The size of a file. @throws InputError if there is none: of a pipe or device an end is not sure to come */
function sizeOf(file: string): number {
  let found: Stats;
  try {
    found = statSync(file);
  } catch (error) {
    throw asInputError(file, error);
  }
  if (!found.isFile()) throw new InputError(`${file}: expected a file, found ${kindOf(found)}`);
  return found.size;
}

/** What Node reads at once. */
const MOST = 2 ** 31 - 1;

/** The bytes of a file. @throws InputError naming it: no file, not to be read, of 2 GiB or more */
export async function readWhole(file: string): Promise<Buffer> {
  checkLength(file);
  return readFile(file).catch((error) => {
    throw asInputError(file, error);
  });
}

/** The same, at once. */
export function readWholeSync(file: string): Buffer {
  checkLength(file);
  try {
    return readFileSync(file);
  } catch (error) {
    throw asInputError(file, error);
  }
}

function checkLength(file: string): void {
  const size = sizeOf(file);
  if (size > MOST) throw new InputError(`${file}: expected a file of less than 2 GiB, found ${size} bytes`);
}

/** Most bytes of a text that is read at once: a list of a million pictures, or the labels of a video of ten hours. */
const MOST_TEXT = 2 ** 26;

/** A text. @throws InputError naming the file: none, not to be read, too long */
export async function readText(file: string): Promise<string> {
  const size = sizeOf(file);
  if (size > MOST_TEXT) throw new InputError(`${file}: expected a text of at most ${MOST_TEXT} bytes, found ${size}`);
  return (await readWhole(file)).toString();
}

/** The first bytes of a file, at most `count`. @throws InputError naming it: no file, or not to be read */
export async function readHead(file: string, count: number): Promise<Buffer> {
  sizeOf(file);
  try {
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw asInputError(file, error);
  }
}

/** A file of any size, `piece` bytes at a time, by default a MiB. Errors that come later are the stream's. @throws InputError if there is none */
export function streamFile(file: string, piece = 1 << 20): ReadStream {
  sizeOf(file);
  return createReadStream(file, { highWaterMark: piece });
}

/** All of a file, or its pieces in order. */
export type FileContent = Uint8Array | string | AsyncIterable<string>;

let written = 0;

/**
 * Writes a file as a whole or not at all: beside its place, and moved there. Of one that is there already mode, owner and links to it stay.
 * @throws the error of the file system
 */
export async function replaceFile(file: string, content: FileContent): Promise<void> {
  const place = await realpath(file).catch(() => file);
  const before = await stat(place).catch(() => null);
  const temporary = `${place}.${process.pid}.${written++}.tmp`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await writeFile(handle, content);
      if (before) {
        await handle.chown(before.uid, before.gid).catch(() => {}); // only root may
        await handle.chmod(before.mode);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await renameOver(temporary, place);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file that the user named, as a whole or not at all.
 * @param flag by which it was named
 * @throws InputError if it cannot be written; MachineError if the disk is full; what its pieces throw
 */
export async function writeWhole(file: string, content: FileContent, flag = '--out'): Promise<void> {
  const found = lookAt(file);
  if (found !== 'a file' && found !== 'nothing') {
    throw new InputError(`${file}: cannot be written: expected a file or nothing there, found ${found}; check ${flag}`);
  }
  try {
    await replaceFile(file, content);
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new MachineError(`${file}: cannot be written: ${message}`);
    throw new InputError(`${file}: cannot be written: ${message}; check ${flag}`);
  }
}
