// The program under a launcher, as its users start it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Launcher } from '../../bench/mpi/launchers';
import { programFile } from '../cli/program';
import type { Fault } from './faulty';

/** Milliseconds that a job may take, on a machine that is busy. */
const MOST = 120_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of all ranks, stdout and stderr. */
  readonly text: string;
  /** Seconds from when something was done to it to its end. */
  readonly after: number;
  /** Ranks that outlived the launcher by two seconds. */
  readonly left: readonly number[];
}

export interface JobOptions {
  /** Flags of the launcher besides its own. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly fault?: Fault;
  /** With what is done once this stands in the text `after` begins; default: a fault. */
  readonly when?: RegExp;
  readonly act?: (job: Job) => void;
  /** The program's file. */
  readonly program?: string;
}

export interface Job {
  readonly launcher: ChildProcess;
  /** Processes of the ranks. */
  pids(): number[];
}

let jobs = 0;

/** Ranks that are there, by the job's mark in their environment, `NAME=value`. */
export function pidsOf(mark: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const env = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        const isRank = env.some((entry) => /^(OMPI_COMM_WORLD_RANK|PMI_RANK)=/.test(entry));
        return isRank && env.includes(mark) && readFileSync(`/proc/${pid}/comm`, 'latin1') !== 'sh\n';
      } catch {
        return false;
      }
    })
    .sort((a, b) => rankOf(a) - rankOf(b));
}

function rankOf(pid: number): number {
  const [, rank] =
    /\0(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1')) ?? [];
  return Number(rank);
}

/**
 * Starts ranks with these arguments, one list for all or a list for each, and waits for their end. None is left then.
 */
export async function job(
  { command, flags: own, env: need }: Launcher,
  ranks: number | readonly (readonly string[])[],
  args: readonly string[],
  { flags = [], env, fault, when = /^fault: /m, act, program }: JobOptions = {},
): Promise<Ended> {
  const file = program ?? programFile(fault ? 'test/mpi/faulty.ts' : undefined);
  const line = (n: number, more: readonly string[]): string[] => [
    ...['-n', `${n}`, process.execPath, file],
    ...[...args, ...more],
  ];
  const lines =
    typeof ranks === 'number'
      ? line(ranks, [])
      : ranks.flatMap((more, i) => [...(i > 0 ? [':'] : []), ...line(1, more)]);
  const mark = `EMOTION_GCN_TEST_JOB=${process.pid}-${jobs++}`;
  const [name, value] = mark.split('=');
  const launcher = spawn(command, [...own, ...flags, ...lines], {
    env: { ...process.env, ...need, ...env, [name]: value, FAULT: JSON.stringify(fault ?? null) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  let since = performance.now();
  let told = false;
  const look = (chunk: unknown): void => {
    text += chunk;
    if (told || !when.test(text)) return;
    told = true;
    since = performance.now();
    act?.({ launcher, pids: () => pidsOf(mark) });
  };
  launcher.stdout.on('data', look);
  launcher.stderr.on('data', look);
  const late = setTimeout(() => {
    text += '\n(ended by the test: it took too long)';
    end();
  }, MOST);
  const end = (): void => {
    for (const pid of [launcher.pid, ...pidsOf(mark)]) if (pid) kill(pid);
  };
  // Whoever outlives it may hold its pipes open.
  const { code, signal } = await new Promise<Pick<Ended, 'code' | 'signal'>>((done) =>
    launcher.on('exit', (code, signal) => done({ code, signal })),
  );
  clearTimeout(late);
  const after = (performance.now() - since) / 1000;
  // What they still write comes in meanwhile.
  for (let i = 0; i === 0 || (i < 40 && pidsOf(mark).length > 0); i++)
    await new Promise((done) => setTimeout(done, 50));
  const left = pidsOf(mark);
  end();
  return { code, signal, text: text.replaceAll('\r', ''), after, left };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
