// The page beside a training: its server runs in a thread of its own, so that the training's never hears of it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InputError, MachineError } from '../base/errors';
import { besideProgram } from '../data/threads';
import type { NamedRun } from './server';
import type { FromServer, ToServer } from './worker';

/** Milliseconds that a training waits at its end for pages to be told, at most: it takes a few. */
const LAST = 2000;
/** Most memory of the thread's objects, in MiB. */
const MEMORY = 1024;

/** The page of a run that this program writes. */
export interface PageBeside {
  /** Its address, with the token. */
  readonly url: string;
  watch(run: NamedRun): void;
  /** Tells pages that the program ends; of those that are slow it waits for none. */
  end(): Promise<void>;
}

/**
 * Serves the page on `port`, or the next free one. The thread keeps no program alive.
 * @param say told if it ends early: the training goes on
 * @throws InputError, MachineError: see `PageServer.open`
 */
export async function openPageBeside(port: number, say: (line: string) => void): Promise<PageBeside> {
  const resourceLimits = { maxOldGenerationSizeMb: MEMORY };
  const worker = new Worker(besideProgram('page-worker.js'), { workerData: port, resourceLimits });
  const gone = new Promise<void>((done) => worker.once('exit', () => done()));
  const [first] = (await once(worker, 'message')) as [FromServer];
  if ('problem' in first) throw new (first.input ? InputError : MachineError)(first.problem);
  worker.on('error', ({ message }) => say(`the page is gone, the training goes on: ${message}`));
  worker.unref();
  const tell = (message: ToServer): void => worker.postMessage(message);
  return {
    url: first.url,
    watch: (run) => tell({ watch: run }),
    async end() {
      tell('end');
      const late = setTimeout(() => worker.terminate(), LAST);
      await gone;
      clearTimeout(late);
    },
  };
}
