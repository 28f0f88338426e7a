// Threads that prepare faces, as long as a training or an evaluation lives.
import { Worker } from 'node:worker_threads';
import { MachineError } from '../../base/errors';
import { addressSpaceLeft } from '../../device/node/memory';
import { besideProgram } from '../threads';
import type { CropGroup, CropJob, CropResult, GroupDone, WorkerSettings } from './image_worker';

/** Jobs that travel in one message: few enough to share the work evenly, enough that messages cost nothing. */
export const GROUP = 8;

/** Address space that a thread reserves, and the first one beside it; Node 20 does not survive that it has too little. */
const THREAD = 600 * 2 ** 20;
const FIRST = 300 * 2 ** 20;

interface Task {
  readonly jobs: readonly CropJob[];
  readonly done: (group: GroupDone) => void;
  readonly failed: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  task: Task | null;
}

/**
 * Worker threads: the first begins at once, so that what else takes address space finds it taken, the others as there is work for
 * them. Groups are begun in the order in which they were asked for.
 */
export class ImageWorkers {
  private readonly threads: Thread[] = [];
  private readonly waiting: Task[] = [];
  private failure: { readonly error: unknown } | null = null;
  /** Threads that have not taken their address space yet. */
  private starting = 0;
  private closing = false;
  private readonly exits: Promise<void>[] = [];

  /**
   * @param most threads, but one
   * @throws MachineError if there is not room for one
   */
  constructor(
    private readonly settings: WorkerSettings,
    private readonly most: () => number,
    /** Whether new crops of a group that begins now are kept. */
    private readonly keep: () => boolean = () => true,
    private readonly onGroup: (group: GroupDone, thread: number) => void = () => {},
    private readonly program: URL = besideProgram('image-worker.js'),
  ) {
    const left = addressSpaceLeft();
    if (left < FIRST + THREAD) {
      const [has, needs] = [left, FIRST + THREAD].map((bytes) => Math.round(bytes / 2 ** 20));
      throw new MachineError(
        `ulimit -v leaves ${has} MiB of address space, a thread that prepares images needs ${needs} MiB: raise it`,
      );
    }
    this.start();
  }

  /**
   * The results of some jobs, in order, and their pixels.
   * @throws MachineError if the image folder is gone, or a thread dies
   */
  async run(jobs: readonly CropJob[], into: Uint8Array): Promise<CropResult[]> {
    const length = this.settings.size ** 2 * 3;
    const groups = Array.from({ length: Math.ceil(jobs.length / GROUP) }, async (_, i) => {
      const { results, pixels } = await this.group(jobs.slice(i * GROUP, (i + 1) * GROUP));
      into.set(pixels, i * GROUP * length);
      return results;
    });
    return (await Promise.all(groups)).flat();
  }

  /** Ends the threads, each after the picture at hand. */
  async close(): Promise<void> {
    this.closing = true;
    for (const { worker } of this.threads) worker.postMessage(null);
    await Promise.all(this.exits);
  }

  private group(jobs: readonly CropJob[]): Promise<GroupDone> {
    return new Promise((done, failed) => {
      if (this.failure) return failed(this.failure.error);
      this.waiting.push({ jobs, done, failed });
      const idle = this.threads.find(({ task }) => task === null);
      try {
        if (idle) this.feed(idle);
        else if (this.threads.length < this.most() && addressSpaceLeft() >= THREAD * (this.starting + 1))
          this.feed(this.start());
      } catch (error) {
        this.fail(error);
      }
    });
  }

  private feed(thread: Thread): void {
    thread.task = this.waiting.shift() ?? null;
    if (!thread.task || this.closing) return;
    thread.worker.postMessage({ jobs: thread.task.jobs, keep: this.keep() } satisfies CropGroup);
  }

  private start(): Thread {
    const worker = new Worker(this.program, { workerData: this.settings });
    const thread: Thread = { worker, task: null };
    const place = this.threads.push(thread) - 1;
    this.starting++;
    worker.once('online', () => this.starting--);
    worker.on('message', (group: GroupDone) => {
      const { task } = thread;
      try {
        this.onGroup(group, place);
        task?.done(group);
        this.feed(thread);
      } catch (error) {
        this.fail(error); // thrown here it would end the whole process
      }
    });
    const died = (reason: string) =>
      this.fail(new MachineError(`a thread that prepares images ended early: ${reason}`));
    // What comes from another thread is of its class by name alone.
    worker.on('error', ({ name, message }) =>
      name === 'MachineError' ? this.fail(new MachineError(message)) : died(message),
    );
    this.exits.push(
      new Promise((ended) =>
        worker.on('exit', (code) => {
          if (code !== 0) died(`exit code ${code}`);
          else if (!this.closing) died(`${thread.task?.jobs.length ?? 0} images are not done`);
          ended();
        }),
      ),
    );
    return thread;
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    const tasks = [...this.threads.map(({ task }) => task), ...this.waiting.splice(0)];
    for (const task of tasks) task?.failed(this.failure.error);
    for (const thread of this.threads) {
      thread.task = null;
      thread.worker.postMessage(null);
    }
  }
}
