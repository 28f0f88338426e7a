// The page's end of the engine's worker.
import type { Answer, Ask, Call, Lap, NetworkCard, Reply, Request, Sight, SiteAdapter, Target } from './messages';

/** How the engine stands. */
export type EngineStanding =
  | { readonly kind: 'loading'; readonly loaded: number; readonly total: number }
  | { readonly kind: 'ready' }
  /** The device went away, and is asked for again. */
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'broken'; readonly why: string };

/** All that the page shows of the engine; a new object with every change. */
export interface EngineView {
  readonly standing: EngineStanding;
  readonly machine: SiteAdapter | null;
  readonly network: NetworkCard | null;
  /** How often it has become ready, or answers with another network: what was seen before may be seen anew. */
  readonly turn: number;
}

/** The device went away while something was computed. */
class Lost extends Error {}

export class Client {
  view: EngineView = { standing: { kind: 'loading', loaded: 0, total: 0 }, machine: null, network: null, turn: 0 };
  /** Is told of every change. */
  onChange: () => void = () => {};
  /** Is told how a lesson goes. */
  onLap: (lap: Lap) => void = () => {};
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { done(answer: never): void; fail(error: Error): void }>();
  private readonly readiness: (() => void)[] = [];
  private next = 0;

  constructor() {
    this.worker = startWorker();
    this.worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => this.hear(data));
    // Also where worker.js is not there.
    this.worker.addEventListener('error', ({ message }) => this.breakDown(message || 'worker.js cannot be loaded'));
    this.ask('open', null).then(
      ({ machine, network }) => this.ready(machine, network),
      (error: Error) => this.breakDown(error.message),
    );
  }

  /** @throws Error with what the engine says */
  ask<C extends Call>(call: C, ask: Ask<C>, transfer: Transferable[] = []): Promise<Answer<C>> {
    if (this.view.standing.kind === 'broken') return Promise.reject(new Error(this.view.standing.why));
    const id = this.next++;
    return new Promise((done, fail) => {
      this.waiting.set(id, { done, fail });
      this.worker.postMessage({ id, call, ask } satisfies Request, transfer);
    });
  }

  /** Looks at a picture, again where the device was lost meanwhile. @param take makes it, for the engine alone */
  async see(take: () => Promise<ImageBitmap>, whole: boolean, target: Target | null): Promise<Sight> {
    for (;;) {
      await this.whenReady();
      const picture = await take();
      try {
        return await this.ask('see', { picture, whole, target }, [picture]);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
      }
    }
  }

  async take(files: Ask<'take'>): Promise<void> {
    await this.whenReady();
    this.answers(await this.ask('take', files));
  }

  async teach(lesson: Ask<'teach'>): Promise<Lap> {
    await this.whenReady();
    const { network, last } = await this.ask('teach', lesson);
    this.answers(network);
    return last;
  }

  private whenReady(): Promise<void> {
    const { kind } = this.view.standing;
    // What is broken is told by asking it.
    if (kind === 'ready' || kind === 'broken') return Promise.resolve();
    return new Promise((done) => this.readiness.push(done));
  }

  private hear(reply: Reply): void {
    if ('id' in reply) {
      const asked = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if ('answer' in reply) asked?.done(reply.answer as never);
      else asked?.fail(reply.lost ? new Lost(reply.wrong) : new Error(reply.wrong));
    } else if ('loaded' in reply) this.change({ standing: { kind: 'loading', ...reply } });
    else if ('lap' in reply) this.onLap(reply.lap);
    else if ('lost' in reply) this.change({ standing: { kind: 'lost', why: reply.lost } });
    else if ('broken' in reply) this.breakDown(reply.broken);
    else this.ready(reply.machine, reply.network);
  }

  private ready(machine: SiteAdapter, network: NetworkCard): void {
    this.change({ standing: { kind: 'ready' }, machine, network, turn: this.view.turn + 1 });
    this.release();
  }

  private answers(network: NetworkCard): void {
    this.change({ network, turn: this.view.turn + 1 });
  }

  private breakDown(why: string): void {
    this.change({ standing: { kind: 'broken', why } });
    for (const { fail } of this.waiting.values()) fail(new Error(why));
    this.waiting.clear();
    this.release();
  }

  private release(): void {
    for (const done of this.readiness.splice(0)) done();
  }

  private change(part: Partial<EngineView>): void {
    this.view = { ...this.view, ...part };
    this.onChange();
  }
}

/** A worker takes the page's policy along where its address is a blob's; else it would have one of its own, or none. */
function startWorker(): Worker {
  const file = new URL('./worker.js', import.meta.url).href;
  const blob = new Blob([`import ${JSON.stringify(file)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(blob), { type: 'module' });
}
