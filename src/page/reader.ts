// Runs from the program that has them, in a worker: a long training's steps are megabytes, and neither to take them in nor to read them is
// the page itself to stand still.
import type { PageRun } from './protocol';
import { type ShownRun, shown } from './state';

/** What the worker runs: it stands alone. Steps become columns of doubles, which change hands without a copy; a message a run. */
function work(): void {
  self.onmessage = async ({ data }: MessageEvent<string>) => {
    const send = postMessage as (message: unknown, transfer?: Transferable[]) => void;
    try {
      const answer = await fetch(data, { cache: 'no-store' });
      if (!answer.ok) return send(answer.status);
      for (const run of (await answer.json()) as PageRun[]) {
        const columns = Object.entries(run.steps).map(
          ([name, list]) => [name, Float64Array.from(list, (x: number | null) => x ?? Number.NaN)] as const,
        );
        send(
          { ...run, steps: Object.fromEntries(columns) },
          columns.map(([, column]) => column.buffer),
        );
      }
      send(null);
    } catch (error) {
      send(String(error));
    }
  };
}

/**
 * The runs at an address, which answers with a PageRun[] as JSON.
 * @returns the status instead, where it answers with another than 200
 */
export async function readRuns(url: string): Promise<ShownRun[] | number> {
  const address = URL.createObjectURL(new Blob([`(${work})()`], { type: 'text/javascript' }));
  const worker = new Worker(address);
  try {
    return await new Promise((done, fail) => {
      const runs: ShownRun[] = [];
      worker.onmessage = ({ data }: MessageEvent<Parameters<typeof shown>[0] | number | string | null>) => {
        if (data === null) done(runs);
        else if (typeof data === 'number') done(data);
        else if (typeof data === 'string') fail(new Error(data));
        else runs.push(shown(data));
      };
      worker.onerror = (event) => fail(new Error(event.message));
      // A worker out of a Blob does not know where the page is.
      worker.postMessage(new URL(url, location.href).href);
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(address);
  }
}
