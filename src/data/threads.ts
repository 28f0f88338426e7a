// Much of the same, in worker threads, a group at a time.
import { existsSync } from 'node:fs';
import { parentPort, Worker } from 'node:worker_threads';
import { MachineError } from '../base/errors';

/**
 * Gives groups to worker threads until there are no more; each answer goes to `take`, in no fixed order.
 * @param entry the worker's file in the bundle
 * @param data its `workerData`
 * @param groupAt the i-th of `count` groups
 * @throws MachineError if a thread dies
 */
export async function inThreads<Group, Answer>(
  entry: string,
  data: unknown,
  { threads, count }: { threads: number; count: number },
  groupAt: (i: number) => Group,
  take: (answer: Answer, i: number) => void,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(threads, count) }, async () => {
      const worker = new Worker(besideProgram(entry), { workerData: data });
      await new Promise<void>((resolve, reject) => {
        let at = 0;
        const feed = (): void => {
          at = next++;
          worker.postMessage(at < count ? groupAt(at) : null);
        };
        worker.on('message', (answer: Answer) => {
          take(answer, at);
          feed();
        });
        worker.on('error', ({ message }) => reject(new MachineError(`a thread of ${entry} ended early: ${message}`)));
        // Its last group is none; one that it leaves unanswered would be missing in silence.
        worker.on('exit', (code) =>
          at >= count ? resolve() : reject(new MachineError(`a thread of ${entry} ended early: exit code ${code}`)),
        );
        feed();
      });
    }),
  );
}

/** In the worker: answers each group, until there are no more. */
export function answerGroups<Group, Answer>(answer: (group: Group) => Answer): void {
  const port = parentPort!;
  port.on('message', (group: Group | null) => {
    if (group === null) port.close();
    else port.postMessage(answer(group));
  });
}

/** Where a file is that stands beside every program, in the bundle's root, such as a worker's; this code may be in a folder below it. @throws MachineError */
export function besideProgram(name: string): URL {
  const places = ['./', '../', '../../'].map((up) => new URL(`${up}${name}`, import.meta.url));
  const found = places.find((url) => existsSync(url));
  if (!found) throw new MachineError(`${name} is not there: expected ${places[0].pathname}; npm run build`);
  return found;
}
