// Runs out of JSON, in a worker: a long training's steps are megabytes, which the page itself is not to stand still for.
import type { PageRun } from './protocol';
import { type ShownRun, shown } from './state';

/** What the worker runs: it stands alone. Steps become columns of doubles, which change hands without a copy; a message a run. */
function work(): void {
  self.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const send = postMessage as (message: unknown, transfer?: Transferable[]) => void;
    try {
      for (const run of JSON.parse(new TextDecoder().decode(data)) as PageRun[]) {
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

/** The runs of a PageRun[] as JSON. */
export async function readRuns(json: ArrayBuffer): Promise<ShownRun[]> {
  const address = URL.createObjectURL(new Blob([`(${work})()`], { type: 'text/javascript' }));
  const worker = new Worker(address);
  try {
    return await new Promise((done, fail) => {
      const runs: ShownRun[] = [];
      worker.onmessage = ({ data }: MessageEvent<Parameters<typeof shown>[0] | string | null>) => {
        if (data === null) done(runs);
        else if (typeof data === 'string') fail(new Error(data));
        else runs.push(shown(data));
      };
      worker.onerror = (event) => fail(new Error(event.message));
      worker.postMessage(json, [json]);
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(address);
  }
}
