import { readFileSync } from 'node:fs';

/** Whether a process still runs, a second after at the latest. What has ended and nobody asks how is no process. */
export async function runs(pid: number): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    try {
      process.kill(pid, 0);
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return false;
    } catch {
      return false;
    }
    await new Promise((done) => setTimeout(done, 10));
  }
  return true;
}
