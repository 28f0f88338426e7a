// Ranks in one process: promises that meet. Each is given to a training of its own, on a device of its own.
import { MachineError } from '../../src/base/errors';
import { type Adding, addOnto, type Ranks } from '../../src/ranks/ranks';

type Floats = Float32Array<SharedArrayBuffer>;

/** What all ranks are to come to: each one's offer, and who waits. */
interface Meeting {
  readonly call: string;
  readonly offers: unknown[];
  here: number;
  readonly done: PromiseWithResolvers;
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  // Whoever is at none of them hears of it at the next.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** Ranks that meet in this process, and how one tells all that it fails. */
export function together(size: number): { ranks: Ranks[]; fail: (rank: number, error: Error) => void } {
  const meetings: Meeting[] = [];
  let failure: Error | null = null;
  const fail = (rank: number, error: Error): void => {
    failure ??= new MachineError(`rank ${rank}: ${error.message}`);
    for (const { done } of meetings) done.reject(failure);
  };
  const ranks = Array.from({ length: size }, (_, rank): Ranks => {
    let calls = 0;
    /** @param finish by the last to come, with what all have offered */
    const meet = async (call: string, offer: unknown, finish: (offers: unknown[]) => void): Promise<unknown[]> => {
      if (failure) throw failure;
      const place = calls++;
      meetings[place] ??= { call, offers: [], here: 0, done: withResolvers() };
      const meeting = meetings[place];
      if (meeting.call !== call) {
        fail(rank, new Error(`is at ${call} where another rank is at ${meeting.call}`));
        throw failure;
      }
      meeting.offers[rank] = offer;
      if (++meeting.here === size) {
        finish(meeting.offers);
        meeting.done.resolve();
      }
      await meeting.done.promise;
      return meeting.offers;
    };
    return {
      rank,
      size,
      local: { rank, size },
      floats: (length) => new Float32Array(new SharedArrayBuffer(4 * length)),
      async add(sum: Floats, part: Floats | null, { fresh, flush }: Adding) {
        await meet(`add ${sum.length}`, { sum, part }, (offers) => {
          const all = offers as { sum: Floats; part: Floats | null }[];
          const [first, ...others] = all;
          let begun = !fresh;
          for (const { part } of all) {
            if (part === null) continue;
            if (begun) addOnto(first.sum, part, flush);
            else first.sum.set(part);
            begun = true;
          }
          for (const { sum } of others) sum.set(first.sum);
        });
      },
      async gather(bytes) {
        return (await meet('gather', bytes.slice(), () => {})) as Uint8Array[];
      },
    };
  });
  return { ranks, fail };
}

/** Runs `work` on every rank, to the end of all: an error of one is told to the others. */
export function runTogether<T>(size: number, work: (ranks: Ranks) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const { ranks, fail } = together(size);
  return Promise.allSettled(
    ranks.map((own) =>
      work(own).catch((error) => {
        fail(own.rank, error);
        throw error;
      }),
    ),
  );
}
