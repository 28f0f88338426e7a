// One writer a run folder: lock.json says which process that is, and is renewed as long as it runs.
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { InputError, MachineError } from '../../base/errors';
import { writeError } from './write';

/** Its file in the run folder. */
export const LOCK = 'lock.json';

/** Milliseconds between two renewals. */
const RENEWED = 10_000;
/** Milliseconds without one after which an owner that cannot be looked at is dead. */
const DEAD = 120_000;
/** Most bytes of a lock.json. */
const MOST = 4096;

/** Who writes a run folder. */
interface Owner {
  readonly pid: number;
  /** When the process began, in ticks since its machine did; null: not to be known. */
  readonly started: string | null;
  readonly host: string;
  /** The machine's run since it was switched on, and what its pids count in (a container counts for itself); null: not to be known. */
  readonly boot: string | null;
  readonly pids: string | null;
  /** When the folder was taken, for people. */
  readonly since: string;
  /** Tells two of one process apart. */
  readonly id: string;
}

/**
 * The right to write a run folder. A process that was stopped (SIGSTOP) still has it. An owner on this machine is dead when no process has its pid
 * and start time, one elsewhere when it has not renewed its lock for 2 minutes, by the clock of the file system that both write to.
 */
export class Lock {
  private readonly timer = setInterval(() => orNull(() => this.renew()), RENEWED).unref();

  private constructor(
    private readonly dir: string,
    private readonly text: string,
  ) {
    process.on('exit', this.release);
  }

  /**
   * Takes a folder that is there.
   * @throws InputError naming who has it, or if it cannot be written; MachineError if the disk is full
   */
  static take(dir: string): Lock {
    const text = `${JSON.stringify(self(), null, 2)}\n`;
    const file = join(dir, LOCK);
    try {
      claim(file, text, dir);
    } catch (error) {
      throw error instanceof InputError ? error : writeError(file, error);
    }
    return new Lock(dir, text);
  }

  /** @throws MachineError if the folder is ours no more: to be asked before each write */
  check(): void {
    let found: string | null;
    try {
      found = this.renew();
    } catch (error) {
      throw new MachineError(`${join(this.dir, LOCK)}: cannot be written: ${(error as Error).message}`);
    }
    if (found === this.text) return;
    const owner = found === null ? null : ownerOf(found);
    const gone = found === null ? 'was removed' : 'was written over';
    throw new MachineError(
      `${join(this.dir, LOCK)} ${owner ? `was taken over by ${inWords(owner)}` : gone}: this run writes nothing more`,
    );
  }

  /** Gives the folder back. */
  readonly release = (): void => {
    clearInterval(this.timer);
    process.off('exit', this.release);
    const file = join(this.dir, LOCK);
    try {
      if (read(file) === this.text) rmSync(file);
    } catch {
      // Gone, or not to be reached: whoever comes next finds that its owner is dead.
    }
  };

  /** Writes the lock anew, unless it is another's by now. @returns what it holds; null: it is gone */
  private renew(): string | null {
    return orGone(() => {
      const file = openSync(join(this.dir, LOCK), 'r+');
      try {
        const found = textOf(file);
        // Into the file that was read: of one that replaces it meanwhile nothing is touched.
        if (found === this.text) orFull(() => writeSync(file, found, 0));
        return found;
      } finally {
        closeSync(file);
      }
    });
  }
}

/** Whether a folder has a lock of ours, whoever has it and whether or not that one lives. @throws InputError if what has its name is no file */
export function hasLock(dir: string): boolean {
  const file = join(dir, LOCK);
  return existsSync(file) && ownerOf(read(file) ?? '') !== null;
}

/** What a full disk does not keep from being owned. */
function orFull(write: () => void): void {
  try {
    write();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
  }
}

/** How often it is tried against owners that come and go. */
const TRIES = 100;

/** Makes `file` with this text, or puts it in the place of a dead owner's. @throws InputError where the owner lives */
function claim(file: string, text: string, dir: string): void {
  for (let i = 0; i < TRIES; i++) {
    if (make(file, text)) return;
    const found = readMade(file);
    if (found === null) continue;
    const owner = ownerOf(found);
    if (owner && lives(owner, file)) throw refusal(owner, dir);
    // Who may replace it is who has a lock of that name: of two that find it dead, one. That lock is then moved to its place.
    const right = `${file}.${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
    claim(right, text, dir);
    if (read(file) === found) {
      renameSync(right, file);
      return;
    }
    rmSync(right);
  }
  throw new InputError(`${file}: is made and removed again and again; give another --saved_model`);
}

/** @returns whether it was not there, and is ours now */
function make(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'ENOSPC' || code === 'EDQUOT') rmSync(file, { force: true });
    throw error;
  }
  return read(file) === text;
}

function refusal(owner: Owner, dir: string): InputError {
  const wait = isHere(owner)
    ? `wait for it to end, or stop it (kill ${owner.pid})`
    : 'wait for it to end; if it is not running any more, try again in 2 minutes';
  return new InputError(`${dir} is being written by ${inWords(owner)}: ${wait}, or give another --saved_model`);
}

const inWords = ({ pid, host, since }: Owner): string => `process ${pid} on ${host}, since ${since}`;

/** What it holds, given time where it is just being made; null: it is gone. Of one who died while making it, what there is. */
function readMade(file: string): string | null {
  for (let i = 0; ; i++) {
    const text = read(file);
    if (text === null || ownerOf(text) || i === 10) return text;
    sleep(50);
  }
}

/** @returns null if it is not there. @throws InputError if it is no file */
function read(file: string): string | null {
  return orGone(() => {
    if (!lstatSync(file).isFile()) throw new InputError(`${file}: expected a file or nothing there; remove it`);
    const opened = openSync(file, 'r');
    try {
      return textOf(opened);
    } finally {
      closeSync(opened);
    }
  });
}

function textOf(file: number): string {
  const bytes = Buffer.alloc(MOST);
  return bytes.toString('utf8', 0, readSync(file, bytes, 0, MOST, 0));
}

function orGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns null for what is no lock's text */
function ownerOf(text: string): Owner | null {
  let found: Partial<Record<keyof Owner, unknown>> | null;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  const isText = (value: unknown): boolean => typeof value === 'string';
  const good =
    Number.isSafeInteger(found?.pid) &&
    (found?.pid as number) > 0 &&
    [found?.host, found?.since, found?.id].every(isText) &&
    [found?.started, found?.boot, found?.pids].every((value) => value === null || isText(value));
  return good ? (found as Owner) : null;
}

const self = (): Owner => ({
  pid: process.pid,
  started: startOf(process.pid) ?? null,
  ...place(),
  since: new Date().toISOString(),
  id: randomBytes(8).toString('hex'),
});

/** Where a pid means a process. Only Linux tells more than the name. */
const place = (): Pick<Owner, 'host' | 'boot' | 'pids'> => ({
  host: hostname(),
  boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  pids: orNull(() => readlinkSync('/proc/self/ns/pid')),
});

function isHere(owner: Owner): boolean {
  const { host, boot, pids } = place();
  return owner.host === host && owner.boot === boot && owner.pids === pids;
}

/** @param renewed asked where the process itself cannot be looked at */
function lives(owner: Owner, file: string, renewed = isRenewed): boolean {
  if (isHere(owner)) {
    const started = startOf(owner.pid);
    if (started === null) return false;
    if (started !== undefined && owner.started !== null) return started === owner.started;
  }
  return renewed(file);
}

/** Whether a program writes a folder, as far as looking tells: nothing is written to find out, and of one elsewhere the clock here is asked. */
export function isWritten(dir: string): boolean {
  const file = join(dir, LOCK);
  return (
    orNull(() => {
      const owner = ownerOf(read(file) ?? '');
      return owner !== null && lives(owner, file, () => Math.abs(Date.now() - timeOf(file)) <= DEAD);
    }) ?? false
  );
}

/** When a process of this machine began, as Linux counts; null: there is none; undefined: there is one, and more is not to be known. */
function startOf(pid: number): string | null | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null;
  }
  const stat = orNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === null) return undefined;
  // Field 2 is the program's name in brackets, whatever that holds; 3 its state, 22 its start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
}

function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

/** Whether a lock was written in the last 2 minutes. Clocks of two machines may differ: the file's is asked, by writing another beside it. */
function isRenewed(file: string): boolean {
  const written = orGone(() => timeOf(file));
  if (written === null) return false;
  const probe = join(dirname(file), `${LOCK}.${randomBytes(8).toString('hex')}`);
  writeFileSync(probe, '', { flag: 'wx' });
  const now = timeOf(probe);
  rmSync(probe);
  if (Math.abs(now - written) <= DEAD) return true;
  if (now > written) return false;
  // That clock was set back: who lives writes anew, by the clock as it is now.
  for (let waited = 0; waited < 1.2 * RENEWED; waited += 200) {
    sleep(200);
    const later = orGone(() => timeOf(file));
    if (later !== written) return later !== null;
  }
  return false;
}

/** Milliseconds, by its file system's clock. Opened first: what a network's file system remembers of it may be old. */
function timeOf(file: string): number {
  const opened = openSync(file, 'r');
  try {
    return fstatSync(opened).mtimeMs;
  } finally {
    closeSync(opened);
  }
}

const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
