// The engine's worker: takes requests one after the other, and opens the device again where it is lost.
import { DeviceLost } from '../../browser';
import { Engine } from './engine';
import type { Answer, Ask, Call, Reply, Request } from './messages';

const tell = (reply: Reply, transfer: Transferable[] = []): void => postMessage(reply, { transfer });

const engine = new Engine(tell);

const CALLS: { readonly [C in Call]: (ask: Ask<C>) => Promise<Answer<C>> | Answer<C> } = {
  open: () => engine.open(),
  take: (files) => engine.take(files),
  see: (ask) => engine.see(ask),
  teach: (lesson) => engine.teach(lesson),
  stop: () => engine.stop(),
  save: () => engine.save(),
};

/** What is under way and waits. */
let last: Promise<unknown> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.call === 'stop') engine.stop();
  last = last.then(() => serve(data));
});

async function serve({ id, call, ask }: Request): Promise<void> {
  try {
    const answer = await (CALLS[call] as (ask: unknown) => Promise<Answer<Call>>)(ask);
    tell({ id, answer }, buffersOf(answer));
  } catch (error) {
    const wrong = error instanceof Error ? error.message : String(error);
    tell({ id, wrong, lost: error instanceof DeviceLost });
  }
}

/** What goes to the page without a copy. */
function buffersOf(answer: Answer<Call>): ArrayBuffer[] {
  if (answer instanceof Uint8Array) return [answer.buffer];
  if (answer === null || !('faces' in answer)) return [];
  return answer.faces.flatMap(({ crop, heat }) => [crop.pixels.buffer, ...(heat ? [heat.pixels.buffer] : [])]);
}
