// A training's process, or its ranks with their launcher, that is to be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { LAUNCHERS } from '../../bench/mpi/launchers';
import { programFile } from '../cli/program';
import { pidsOf } from '../mpi/job';

export interface Started {
  /** With it all ends. */
  readonly child: ChildProcess;
  /** Kills one of the processes, which `u` of [0, 1) chooses. */
  kill(u: number): void;
  /** Whether it ended as what was killed does. */
  isKilled(code: number | null, signal: NodeJS.Signals | null): boolean;
}

const STDIO: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];

/** @param temporary its folder for temporary files */
export function startAlone(args: readonly string[], temporary: string, program = programFile()): Started {
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [program, ...args], { env, stdio: STDIO });
  return { child, kill: () => child.kill('SIGKILL'), isKilled: (_, signal) => signal === 'SIGKILL' };
}

let jobs = 0;

/** @throws Error where no launcher is that starts two processes */
export function startRanks(ranks: number, args: readonly string[], temporary: string): Started {
  if (LAUNCHERS.length === 0) throw new Error(`${ranks} ranks: there is neither Open MPI nor MPICH`);
  const [{ command, flags, env: need }] = LAUNCHERS;
  const [name, value] = ['EMOTION_GCN_TEST_JOB', `${process.pid}-crash${jobs++}`];
  const env = { ...process.env, ...need, TMPDIR: temporary, [name]: value };
  const line = [...flags, '-n', `${ranks}`, process.execPath, programFile(), ...args];
  const child = spawn(command, line, { env, stdio: STDIO });
  return {
    child,
    kill(u) {
      const pids = [child.pid as number, ...pidsOf(`${name}=${value}`)];
      process.kill(pids[Math.floor(u * pids.length)], 'SIGKILL');
    },
    isKilled: (code) => code !== 0,
  };
}
