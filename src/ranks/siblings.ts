// The processes that the launcher has started on this host, as Linux tells of them: who has not joined, where MPI cannot say so yet.
import { readdirSync, readFileSync } from 'node:fs';

/** Each rank's, in the environment of its process. */
const RANK = /(?:^|\0)(?:OMPI_COMM_WORLD_RANK|PMI_RANK|PMIX_RANK)=(\d+)/;

/** What keeps ranks of this host from joining: `rank 1 is dead`, `rank 2 is stopped`. Empty where nothing is known. */
export function missingRanks(local: number): string[] {
  const alive = new Map<number, string>();
  try {
    const { parent } = statusOf(process.pid);
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        const status = statusOf(pid);
        const [, rank] = RANK.exec(readFileSync(`/proc/${pid}/environ`, 'latin1')) ?? [];
        if (status.parent === parent && rank !== undefined) alive.set(Number(rank), status.state);
      } catch {
        // It has ended meanwhile.
      }
  } catch {
    return [];
  }
  return Array.from({ length: local }, (_, rank) => rank).flatMap((rank) => {
    const state = alive.get(rank) ?? 'Z';
    return state === 'Z' ? [`rank ${rank} is dead`] : state === 'T' ? [`rank ${rank} is stopped`] : [];
  });
}

function statusOf(pid: number | string): { state: string; parent: string } {
  // Behind the program's name, which may hold anything.
  const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return { state, parent };
}
