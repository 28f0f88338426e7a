import { MachineError } from '../base/errors';
import { type Block, GRANULE, Pool } from './pool';
import { BOUND, Storage } from './storage';

/** Who has which memory of a device, and until when: scopes, freeing, dry runs. */
export class Memory {
  readonly pool = new Pool();
  /** While true memory is counted, and nothing computed. */
  dry = false;
  private readonly scopes: Storage[][] = [];
  /** It must not hold the storage itself, whose end it watches: block and lease are what `release` wants. */
  private readonly abandoned = new FinalizationRegistry<{ block: Block; lease: number }>(({ block, lease }) =>
    this.pool.release(block, lease),
  );

  constructor(
    private readonly limits: Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>,
    /** Submits what was recorded. */
    private readonly flush: () => void,
  ) {}

  alloc(bytes: number, label: string): Storage {
    const { maxStorageBufferBindingSize: limit, maxBufferSize } = this.limits;
    if (roundUp(bytes, BOUND) > limit || roundUp(bytes, GRANULE) > maxBufferSize)
      throw new MachineError(
        `${label} needs ${bytes} bytes, this adapter binds at most ${limit}: use a smaller batch or image size`,
      );
    const storage = new Storage(this.pool.acquire(bytes, label), 0, bytes, label);
    if (this.pool.overfull) this.flush();
    this.own(storage);
    return storage;
  }

  free(storage: Storage): void {
    if (!storage.alive) return;
    if (storage.whole) {
      storage.drop();
      return;
    }
    this.abandoned.unregister(storage);
    this.pool.release(storage.block, storage.lease);
  }

  persistent<T>(fn: () => T): T {
    const scopes = this.scopes.splice(0);
    try {
      return fn();
    } finally {
      this.scopes.push(...scopes);
    }
  }

  scope<T>(fn: () => T, kept: (result: T) => Iterable<Storage>): T {
    const mine: Storage[] = [];
    this.scopes.push(mine);
    const survivors = new Set<Storage>();
    try {
      const result = fn();
      for (const s of kept(result)) survivors.add(wholeOf(s));
      return result;
    } finally {
      this.scopes.pop();
      for (const s of mine) {
        if (!survivors.has(s)) this.free(s);
        else if (s.alive) this.own(s);
      }
    }
  }

  get scoped(): boolean {
    return this.scopes.length > 0;
  }

  dryRun(fn: () => void): number {
    if (this.dry) throw new Error('dryRun inside dryRun');
    this.flush();
    const undo = this.pool.rehearse();
    this.dry = true;
    try {
      this.scope(fn, () => []);
      return this.pool.stats().peak;
    } finally {
      this.dry = false;
      undo();
    }
  }

  /** Ends it with the scope that runs; outside any, when nothing refers to it. */
  private own(storage: Storage): void {
    const scope = this.scopes.at(-1);
    if (scope) scope.push(storage);
    else this.abandoned.register(storage, { block: storage.block, lease: storage.lease }, storage);
  }
}

const wholeOf = (s: Storage): Storage => (s.whole ? wholeOf(s.whole) : s);

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;
