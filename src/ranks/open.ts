// Joins the ranks that a launcher has started. The main thread keeps the device, signals and deadlines; MPI is in a thread of its own.
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import { InputError, MachineError } from '../base/errors';
import { besideProgram } from '../data/threads';
import type { Launched } from './launcher';
import { type Failure, type FromThread, failureLine, type Start, type ToThread } from './messages';
import { isPassedOn } from './pmi';
import type { Ranks } from './ranks';
import { missingRanks } from './siblings';
import { noKoffi, notJoined, notPassedOn } from './words';

/** Seconds that ranks may take to join: where all are on this host, and where others start over a network. */
const JOIN = { host: 10, network: 60 } as const;
/** Seconds that leaving may take. */
const LEAVE = 10;

/** Another rank's failure, or this one's, which ends all. */
export class RankFailed extends MachineError {
  constructor(readonly failures: readonly Failure[]) {
    super(failureLine(failures[0]));
  }
}

/** Ranks that have joined by MPI. */
export interface OpenRanks extends Ranks {
  /** Each rank's. */
  readonly hosts: readonly string[];
  /** The library, such as `Open MPI v4.1.4 (libmpi.so.40)`. */
  readonly library: string;
  /** Ends all where a rank stays behind the others for so many seconds, and for ten times the longest way from call to call. */
  allow(seconds: number): void;
  /**
   * Tells all that this rank fails: their calls reject from now on. They have some seconds to come to `close` then.
   * @returns what all that fail have said, by rank
   */
  fail(error: Pick<Failure, 'message' | 'exitCode'>): Promise<readonly Failure[]>;
  /**
   * Waits for the others to come to their end, and leaves.
   * @returns the exit code for all: that of the first that does not end well
   */
  close(exitCode: number): Promise<number>;
}

/**
 * Joins the others, by MPI's library and koffi, which nothing has loaded before.
 * @throws MachineError, InputError where there is no MPI, or another
 */
export async function openRanks(launch: Launched): Promise<OpenRanks> {
  if (launch.kind === 'mpich' && !isPassedOn()) throw new InputError(notPassedOn(launch));
  // UCX, which some libraries use, would change code of this process while other threads run it, and take SIGSEGV from Node and SIGHUP from
  // this program. It is told here, and not in the thread, which has a copy of the environment.
  process.env.UCX_MEM_EVENTS ??= 'n';
  process.env.UCX_ERROR_SIGNALS ??= '';
  process.env.UCX_DEBUG_SIGNO ??= '0';
  const { default: koffi } = await import('koffi').catch((error: Error) => {
    throw new MachineError(noKoffi(launch, error.message.split('\n')[0]));
  });
  // Node's own way to end waits for a thread that is inside a call.
  const exitNow = koffi.load(null).func('_exit', 'void', ['int']) as (code: number) => void;
  const thread = new MpiThread(launch, exitNow);
  const { joined: library, hosts } = await thread.joined;
  const { rank, size } = launch;
  const beside = hosts.flatMap((host, r) => (host === hosts[rank] ? [r] : []));
  return {
    ...{ rank, size, hosts, library },
    local: { rank: beside.indexOf(rank), size: beside.length },
    floats: (length) => new Float32Array(new SharedArrayBuffer(4 * size * Math.ceil(length / size)), 0, length),
    async add(sum, part, adding) {
      await thread.ask({ add: sum, part, ...adding });
    },
    gather: (bytes) => thread.ask({ gather: bytes }),
    allow: (seconds) => thread.tell({ limit: 1000 * seconds }),
    fail: (error) => thread.fail(error),
    close: (exitCode) => thread.close(exitCode),
  };
}

type Joined = Extract<FromThread, { joined: string }>;

interface Asked {
  readonly answer: (done: readonly Uint8Array[]) => void;
  readonly refuse: (error: Error) => void;
}

/** The main thread's side of the one that has MPI. */
class MpiThread {
  /** Once the others have joined. */
  readonly joined: Promise<Joined>;
  private readonly bell = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private readonly asked: Asked[] = [];
  private readonly ended: Promise<number>;
  private failures: readonly Failure[] | null = null;
  private onFailures: (failures: readonly Failure[]) => void = () => {};
  private isOver = false;

  /** @param exitNow ends the process, whatever its threads do */
  constructor(launch: Launched, exitNow: (code: number) => void) {
    const workerData: Start = { launch, path: process.env.EMOTION_GCN_MPI, bell: this.bell };
    this.worker = new Worker(besideProgram('mpi-worker.js'), { workerData });
    const { local, size } = launch;
    const isHost = local?.size === size;
    const seconds = isHost ? JOIN.host : JOIN.network;
    const late = setTimeout(
      () => {
        writeSync(2, `error: ${notJoined(launch, seconds, isHost ? missingRanks(size) : [])}\n`);
        exitNow(1);
      },
      // Whoever is first says it, and ends all.
      1000 * seconds + 100 * launch.rank,
    );
    let [join, refuse]: [(joined: Joined) => void, (error: Error) => void] = [() => {}, () => {}];
    this.joined = new Promise((yes, no) => {
      [join, refuse] = [yes, no];
    });
    let end: (exitCode: number) => void = () => {};
    this.ended = new Promise((yes) => {
      end = yes;
    });
    let exitCode = 0;
    this.worker.on('message', (message: FromThread) => {
      if ('joined' in message) {
        clearTimeout(late);
        join(message);
      } else if ('unusable' in message) {
        clearTimeout(late);
        this.isOver = true;
        refuse(new (message.isUsage ? InputError : MachineError)(message.unusable));
      } else if ('done' in message) this.asked.shift()?.answer(message.done);
      else if ('failures' in message) this.fails(message.failures);
      else if ('closing' in message) {
        exitCode = message.closing;
        setTimeout(() => exitNow(exitCode || 1), 1000 * LEAVE).unref();
      } else {
        this.isOver = true;
        end(exitCode);
      }
    });
    const gone = (why: string): void => {
      if (this.isOver) return;
      // Some launchers end all others without a word, and with 0, where one goes like this.
      writeSync(2, `error: rank ${launch.rank}: its MPI thread has ended early: ${why}\n`);
      exitNow(1);
    };
    this.worker.on('error', (error) => gone(error.message));
    this.worker.on('exit', (code) => gone(`exit code ${code}`));
    process.on('exit', (code) => {
      if (this.isOver) return;
      if (code < 128)
        writeSync(
          2,
          `error: rank ${launch.rank} (${hostname()}) has ended before the others, with exit code ${code}\n`,
        );
      process.exitCode = code || 1;
    });
  }

  tell(message: ToThread): void {
    this.worker.postMessage(message);
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }

  /** @throws RankFailed */
  ask(message: ToThread): Promise<readonly Uint8Array[]> {
    if (this.failures) return Promise.reject(new RankFailed(this.failures));
    return new Promise((answer, refuse) => {
      this.asked.push({ answer, refuse });
      this.tell(message);
    });
  }

  fail(error: Pick<Failure, 'message' | 'exitCode'>): Promise<readonly Failure[]> {
    if (this.failures) return Promise.resolve(this.failures);
    return new Promise((heard) => {
      this.onFailures = heard;
      this.tell({ fail: error });
    });
  }

  /** @throws RankFailed */
  close(exitCode: number): Promise<number> {
    return new Promise((answer, refuse) => {
      this.asked.push({ answer: () => {}, refuse });
      void this.ended.then(answer);
      this.tell({ close: exitCode });
    });
  }

  private fails(failures: readonly Failure[]): void {
    this.failures = failures;
    this.onFailures(failures);
    for (const { refuse } of this.asked.splice(0)) refuse(new RankFailed(failures));
  }
}
