import { existsSync, readFileSync } from 'node:fs';

/** What has ended and nobody asks how, as where no process takes orphans in, is no process. */
const isZombie = (pid: number): boolean => {
  const file = `/proc/${pid}/stat`;
  try {
    return existsSync(file) && /\) Z /.test(readFileSync(file, 'utf8'));
  } catch {
    return true;
  }
};

/** Whether a process still runs, a second after at the latest. */
export async function runs(pid: number): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return false;
    }
    if (isZombie(pid)) return false;
    await new Promise((done) => setTimeout(done, 10));
  }
  return true;
}
