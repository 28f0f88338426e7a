// What the processes of a training do together: the steps, the batches that each one looks at, and what is decided from outside.
import { add, type Optimizer, tensor } from '../../autograd';
import type { BadPicture, Batch, Loader } from '../../data';
import type { Device } from '../../device';
import { fromFirst, ofAll } from '../../ranks/agree';
import type { Flush, Ranks } from '../../ranks/ranks';
import type { BatchPlace, BatchResult, Learner, Leavings } from './learner';

/** What a rank tells of its batch in a round, and besides. */
interface Told<T> {
  /** null: it has no batch. */
  readonly found: T | null;
  readonly bad: readonly BadPicture[];
  /** Its signal to stop was given, or it was asked for a checkpoint. */
  readonly stop: boolean;
  readonly save: boolean;
}

/** A batch that was looked at, by whichever rank. */
export interface SeenBatch {
  readonly result: BatchResult;
  readonly rows: Uint32Array;
  /** What its samples' valence and arousal are, N x 2. */
  readonly va: Float32Array;
}

/** What the batches of a step have come to so far. */
interface Begun {
  readonly moments: Uint8Array[];
  readonly losses: number[];
  /** Why it cannot be ended. */
  failure: { readonly error: unknown } | null;
}

/** Of a training with others: what its parts are, and where they come together. */
interface Share {
  readonly leavings: Leavings;
  readonly flush: Flush;
  readonly sum: Float32Array<SharedArrayBuffer>;
  readonly part: Float32Array<SharedArrayBuffer>;
  /** The sum on its way to the device: Dawn's binding for Node crashes on shared memory. */
  readonly landing: Float32Array;
}

/**
 * N ranks take the batches of an epoch in rounds of N, batch k the rank k mod N. The gradients of a round are added onto those of the rounds
 * before in the order of their batches, and moments are taken in so, on every rank: whatever N, each takes the step that one process
 * takes with the same batches one after the other. A rank alone does just that.
 */
export class Team {
  /** Stops the training: this rank's own. */
  signal: AbortSignal | undefined;
  private save = false;
  /** As all ranks know since the last exchange; what was to be saved, until it is taken. */
  private told = { stop: false, save: false };
  private bad: readonly BadPicture[] = [];
  private share: Share | null = null;
  /** Of the batches of a step so far. */
  private begun: Begun = { moments: [], losses: [], failure: null };
  private turn: Promise<unknown> = Promise.resolve();

  constructor(readonly ranks: Ranks) {}

  get size(): number {
    return this.ranks.size;
  }

  /** Whether this rank writes the run, and speaks. */
  get first(): boolean {
    return this.ranks.rank === 0;
  }

  /** Whether all are to stop: what was said after the last exchange is heard with the next. */
  get stopped(): boolean {
    return this.size === 1 ? (this.signal?.aborted ?? false) : this.told.stop;
  }

  /** What a training that was stopped throws where it cannot be saved: the signal's reason, if this rank has one. */
  get reason(): unknown {
    return this.signal?.aborted ? this.signal.reason : STOPPED;
  }

  /** Asks for a checkpoint. */
  wantSave(): void {
    this.save = true;
  }

  /** Whether a checkpoint was asked for on any rank since the last call, as of the last exchange. */
  takeSave(): boolean {
    const { save } = this.told;
    this.told.save = false;
    return save;
  }

  /** On all ranks what rank 0 has. */
  fromFirst<T>(own: T | null): Promise<T> {
    return this.inTurn(() => fromFirst(this.ranks, own));
  }

  /** How each rank has it, in their order. */
  ofAll<T>(own: T): Promise<T[]> {
    return this.inTurn(() => ofAll(this.ranks, own));
  }

  /** What ranks do together, one after the other in the order in which it was begun: that is the same on all. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => {});
    return done;
  }

  /** Prepares for the steps of a training with others. */
  async learn({ device }: Learner, leavings: Leavings): Promise<void> {
    const length = leavings.memories.reduce((n, { bytes }) => n + bytes / 4, 0);
    const [sum, part] = [this.ranks.floats(length), this.ranks.floats(length)];
    this.share = {
      leavings,
      flush: await flushOf(device),
      sum,
      part,
      landing: new Float32Array(length),
    };
  }

  /** This rank's batches of an epoch, from `step` on: one a round, null where it has none in the last. */
  async *batches(loader: Loader, epoch: number, step: number): AsyncGenerator<Batch | null, void, undefined> {
    const { rank, size } = this.ranks;
    if (size === 1) {
      yield* loader.epoch(epoch, step);
      return;
    }
    const own = loader.share(epoch, step + rank, size);
    try {
      for (let from = step; from < loader.steps; from += size) {
        const next = await own.next();
        this.bad = next.done ? [] : next.value.bad;
        // Of a batch without one usable picture there is nothing to be learnt.
        yield next.done || next.value.batch.rows.length === 0 ? null : next.value.batch;
      }
    } finally {
      await own.return();
    }
  }

  /**
   * A round of training: this rank's batch, if it has one, and the others'. Everything is submitted when it resolves, which a round that no
   * step follows does at once: its parts are added while the device is at the next. `results`, those of all batches of the round in their
   * order, wait for the GPU.
   * @param group the place of the round's first batch
   * @throws TooManyBad
   */
  async train(
    batch: Batch | null,
    loader: Loader,
    learner: Learner,
    optimizer: Optimizer,
    group: BatchPlace,
  ): Promise<{ readonly results: Promise<readonly BatchResult[]> }> {
    const { ranks, share } = this;
    if (!share) return { results: learner.train(batch as Batch, optimizer, group).then((result) => [result]) };
    const { flush, landing, leavings, part, sum } = share;
    const own = batch && learner.contribute(batch, optimizer, group.size);
    // Each is awaited below, if none before it fails.
    for (const promise of own ? [own.result, own.gradients, own.moments] : []) promise.catch(() => {});
    if (group.place === 0) this.begun = { moments: [], losses: [], failure: null };
    const { begun, bad } = this;
    this.bad = [];
    const results = this.inTurn(async () => {
      if (begun.failure) throw begun.failure.error;
      const all = await this.exchange(loader, bad, own && { result: await own.result, moments: await own.moments });
      if (own) {
        let at = 0;
        for (const memory of await own.gradients) {
          part.set(new Float32Array(memory), at);
          at += memory.byteLength / 4;
        }
      }
      await ranks.add(sum, own && part, { fresh: group.place === 0, flush });
      begun.moments.push(...all.map(({ moments }) => moments));
      begun.losses.push(...all.map(({ result }) => result.loss as number));
      return all.map(({ result }) => result);
    }).catch((error) => {
      begun.failure ??= { error };
      throw error;
    });
    if (group.place + this.size < group.size) return { results };
    const last = await results;
    landing.set(sum);
    const refused = learner.conclude(
      leavings,
      { gradients: landing, moments: begun.moments, losses: begun.losses },
      optimizer,
    );
    return { results: refused.then((refused) => [...last.slice(0, -1), { ...(last.at(-1) as BatchResult), refused }]) };
  }

  /** All batches of a set as a network sees them in evaluation mode, each looked at by one rank, in their order. */
  async *looks(learner: Pick<Learner, 'evaluate'>, loader: Loader): AsyncGenerator<SeenBatch, void, undefined> {
    for await (const batch of this.batches(loader, 0, 0)) {
      const own = batch && { result: await learner.evaluate(batch), rows: batch.rows, va: batch.va };
      const { bad } = this;
      this.bad = [];
      yield* await this.inTurn(() => this.exchange(loader, bad, own));
    }
  }

  /** What all ranks have found of their batches, in the order of these. @throws TooManyBad */
  private async exchange<T>(loader: Loader, bad: readonly BadPicture[], found: T | null): Promise<T[]> {
    if (this.size === 1) return found === null ? [] : [found];
    const own: Told<T> = { found, bad, stop: this.signal?.aborted ?? false, save: this.save };
    this.save = false;
    const all = await ofAll(this.ranks, own);
    this.told = { stop: all.some(({ stop }) => stop), save: this.told.save || all.some(({ save }) => save) };
    for (const { bad } of all) loader.leaveOut(bad);
    return all.flatMap(({ found }) => (found === null ? [] : [found]));
  }
}

const STOPPED = new Error('another rank was stopped');

/** Which subnormal numbers a device's additions take for 0. */
export async function flushOf(device: Device): Promise<Flush> {
  const [least, tiny] = [2 ** -126, 2 ** -130];
  const [a, b] = [
    [least, 1.5 * least],
    [tiny, -least],
  ].map((numbers) => tensor(device, numbers, [2]));
  const [input, result] = await add(a, b).data();
  return { inputs: input === least, results: result === 0 };
}
