// The page's server in a thread of its own, beside a training.
import { parentPort, workerData } from 'node:worker_threads';
import { type NamedRun, PageServer } from './server';

/** What it is told, and what it says first. */
export type ToServer = { readonly watch: NamedRun } | 'end';
export type FromServer = { readonly url: string } | { readonly problem: string; readonly input: boolean };

const port = parentPort!;
const say = (message: FromServer): void => port.postMessage(message);
try {
  const page = await PageServer.open(workerData as number);
  port.on('message', async (message: ToServer) => {
    if (message !== 'end') return page.watch(message.watch);
    await page.close();
    port.close();
  });
  say({ url: page.url });
} catch (error) {
  const { message, name } = error as Error;
  say({ problem: message, input: name === 'InputError' });
}
