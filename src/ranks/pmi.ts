// The open socket by which MPICH's launcher is spoken to, until its library is there.
import { fstatSync, writeSync } from 'node:fs';

/** Whether the launcher's socket was passed on: Node does not to what it starts, so npx does not. */
export function isPassedOn(fd = process.env.PMI_FD): boolean {
  if (fd === undefined) return true;
  try {
    return fstatSync(Number(fd)).isSocket();
  } catch {
    return false;
  }
}

/**
 * Asks the launcher to end all ranks, as the library would; else those that wait for one that never joins would do so for ever.
 * @returns whether there is one that hears it
 */
export function endAllByLauncher(exitCode: number, fd = process.env.PMI_FD): boolean {
  if (fd === undefined || !isPassedOn(fd)) return false;
  writeSync(Number(fd), `cmd=abort exitcode=${exitCode}\n`);
  return true;
}
