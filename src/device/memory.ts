import { MachineError } from '../base/errors';
import { type Block, GRANULE, Pool } from './pool';
import { BOUND, Storage } from './storage';

/** A dry run. */
interface Rehearsal {
  /** What was allocated in it. Nothing else is freed in it, and all of it at its end. */
  readonly own: Set<Storage>;
  /** Scopes that enclose what is persistent in it: its own and those around it. */
  readonly depth: number;
  /** How to put back what changed in it. */
  readonly undo: Map<object, () => void>;
}

/** Who has which memory of a device, and until when: scopes, freeing, dry runs. */
export class Memory {
  readonly pool = new Pool();
  private rehearsal: Rehearsal | null = null;
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
    this.rehearsal?.own.add(storage);
    this.own(storage);
    return storage;
  }

  free(storage: Storage): void {
    if (!storage.alive) return;
    if (this.rehearsal && !this.rehearsal.own.has(wholeOf(storage))) return;
    if (storage.whole) {
      storage.drop();
      return;
    }
    this.abandoned.unregister(storage);
    this.pool.release(storage.block, storage.lease);
  }

  persistent<T>(fn: () => T): T {
    const scopes = this.scopes.splice(this.rehearsal?.depth ?? 0);
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
    const rehearsal: Rehearsal = { own: new Set(), depth: this.scopes.length + 1, undo: new Map() };
    this.rehearsal = rehearsal;
    try {
      this.scope(fn, () => []);
      return this.pool.stats().peak;
    } finally {
      this.rehearsal = null;
      for (const restore of [...rehearsal.undo.values()].reverse()) restore();
      undo();
    }
  }

  /** While true memory is counted, and nothing computed. */
  get dry(): boolean {
    return this.rehearsal !== null;
  }

  rememberState(of: object, save: () => () => void): void {
    const { rehearsal } = this;
    if (rehearsal && !rehearsal.undo.has(of)) rehearsal.undo.set(of, save());
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
