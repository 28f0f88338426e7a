import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MachineError } from '../base/errors';
import type { CropJob, GroupDone, WorkerSettings } from './image_worker';

/** Jobs that travel in one message: few enough to share the work evenly, enough that messages cost nothing. */
const GROUP = 8;

/**
 * Runs `jobs` in `threads` worker threads; each group that is done goes to `take`, in no fixed order, with the number of
 * its thread; `take` returns false to stop early. Resolves when all threads have ended: after `signal`, with the picture at hand.
 *
 * @throws MachineError if the image folder is gone, a thread dies, or cannot write the store; what `take` throws
 */
export function runImageWorkers(
  jobs: readonly CropJob[],
  settings: WorkerSettings,
  threads: number,
  take: (done: GroupDone, thread: number) => boolean,
  { program = imageWorkerUrl(), signal }: { readonly program?: URL; readonly signal?: AbortSignal } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let missing = jobs.length;
    let stopped = false;
    const workers = Array.from({ length: threads }, () => new Worker(program, { workerData: settings }));
    let running = workers.length;
    const feed = (worker: Worker) => {
      if (stopped || next >= jobs.length) return worker.postMessage(null);
      worker.postMessage(jobs.slice(next, next + GROUP));
      next += GROUP;
    };
    const stop = () => {
      stopped = true;
      for (const worker of workers) worker.postMessage(null);
    };
    let failure: { readonly error: unknown } | null = null;
    const end = (error: unknown) => {
      failure ??= { error };
      stop();
    };
    signal?.addEventListener('abort', stop, { once: true });
    const fail = (reason: string) => end(new MachineError(`a thread that prepares images ended early: ${reason}`));
    for (const [thread, worker] of workers.entries()) {
      worker.on('message', (done: GroupDone) => {
        missing -= done.results.length;
        try {
          if (!take(done, thread)) stopped = true;
        } catch (error) {
          return end(error); // thrown here it would end the whole process
        }
        feed(worker);
      });
      // What comes from another thread is of its class by name alone.
      worker.on('error', ({ name, message }) =>
        name === 'MachineError' ? end(new MachineError(message)) : fail(message),
      );
      worker.on('exit', (code) => {
        running--;
        if (code !== 0) fail(`exit code ${code}`);
        if (running > 0) return;
        if (missing > 0 && !stopped) fail(`${missing} of ${jobs.length} images are not done`);
        signal?.removeEventListener('abort', stop);
        // No thread writes any more: what is temporary can be removed.
        if (failure) reject(failure.error);
        else resolve();
      });
      feed(worker);
    }
  });
}

/** The worker is an entry point of its own, in the bundle's root; this code may be in a folder below it. */
function imageWorkerUrl(): URL {
  const places = ['./', '../', '../../'].map((up) => new URL(`${up}image-worker.js`, import.meta.url));
  const found = places.find((url) => existsSync(url));
  if (!found) throw new MachineError(`image-worker.js is not there: expected ${places[0].pathname}; npm run build`);
  return found;
}
