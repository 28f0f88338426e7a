import type { Device, Storage } from '../device';
import type { DType } from '../kernels/launch/matrix';
import { Coverage } from './coverage';

/** Statistics of a value's channels: (mean, biased variance) a channel, computed once, whoever normalises later. */
export interface ChannelStats {
  readonly storage: Storage;
  readonly covered: Coverage;
}

/**
 * What batch norms of a value owe its gradient, a channel: a constant and a multiple of x - mean, which are added where the
 * gradient is read (see kernels' batch_norm.settle).
 */
export interface Owed {
  readonly storage: Storage;
  readonly covered: Coverage;
}

/** Memory with what is known of its elements: a value shares both with what was detached from it. */
export class Contents {
  stats: ChannelStats | null = null;

  constructor(public storage: Storage) {}
}

/** The operation that wrote columns from..to of a value, as far as the value is concerned: see node.ts. */
export interface Producer {
  readonly node: { readonly sequence: number; readonly name: string; readonly spent: boolean };
  readonly from: number;
  readonly to: number;
}

/** Wants to be told when the gradient of columns from..to is complete. */
export interface Hook {
  readonly from: number;
  readonly to: number;
  readonly tell: (grad: Storage) => void;
}

const meets = (a: { from: number; to: number }, from: number, to: number): boolean => a.from < to && a.to > from;

/**
 * What tensors are views of: memory as `rows` rows of `width` elements, with the gradient that its readers share. A plain
 * tensor is one row. Gradients are written or accumulated a range of columns at a time: the first writer of a column
 * writes, later ones add.
 */
export class Value {
  requiresGrad = false;
  grad: Storage | null = null;
  readonly gradCovered = new Coverage();
  /** Who wrote this value, oldest first, each columns of its own; none for a leaf. */
  producers: readonly Producer[] = [];
  hooks: readonly Hook[] = [];
  owed: Owed | null = null;
  /** True for a value made outside any step. */
  outlivesStep = false;

  constructor(
    readonly device: Device,
    storage: Storage,
    readonly rows: number,
    readonly width: number,
    readonly dtype: DType,
    readonly contents = new Contents(storage),
  ) {}

  get storage(): Storage {
    return this.contents.storage;
  }

  set storage(storage: Storage) {
    this.contents.storage = storage;
  }

  get isLeaf(): boolean {
    return this.producers.length === 0;
  }

  producersOf(from: number, to: number): Producer[] {
    return this.producers.filter((p) => meets(p, from, to));
  }

  hooksOf(from: number, to: number): Hook[] {
    return this.hooks.filter((h) => meets(h, from, to));
  }

  /**
   * To be called by whoever writes columns from..to: what was known of them no longer holds, and who wrote them before is forgotten.
   * @throws Error when that is an operation whose backward is still to come.
   */
  written(by: string, from: number, to: number): void {
    const { contents, producers } = this;
    if (contents.stats) {
      this.touch();
      contents.stats.covered.remove(from, to);
    }
    if (producers.length === 0) return;
    const before = this.producersOf(from, to);
    if (before.length === 0) return;
    const waiting = before.find((p) => !p.node.spent);
    if (waiting)
      throw new Error(
        `${by} writes columns ${from} to ${to - 1} of ${this.storage.label}, where ${waiting.node.name} has written ` +
          `${waiting.from} to ${waiting.to - 1}, and its backward is still to come: run that first, or write elsewhere`,
      );
    this.touch();
    this.producers = producers.filter((p) => !before.includes(p));
    if (this.isLeaf) this.requiresGrad = false;
  }

  /** Memory for the gradient, made at first use. A leaf's outlives the step when the leaf does. */
  gradStorage(): Storage {
    if (this.grad) return this.grad;
    this.touch();
    const make = (): Storage => this.device.alloc(this.storage.bytes, `grad:${this.storage.label}`);
    this.grad = this.isLeaf && this.outlivesStep ? this.device.persistent(make) : make();
    return this.grad;
  }

  /** Forgets the gradient: the next to write it writes all anew. */
  dropGrad(): void {
    this.touch();
    this.gradCovered.clear();
    this.dropOwed();
  }

  dropOwed(): void {
    if (this.owed) this.device.free(this.owed.storage);
    this.owed = null;
  }

  /** To be called before any of this changes: a dry run puts it back. */
  touch(): void {
    if (this.device.computing) return;
    this.device.rememberState(this, () => {
      const { requiresGrad, grad, producers, hooks, owed, contents } = this;
      const { storage, stats } = contents;
      const { retained } = storage;
      const coverages = [this.gradCovered.save(), stats?.covered.save(), owed?.covered.save()];
      return () => {
        Object.assign(this, { requiresGrad, grad, producers, hooks, owed });
        Object.assign(contents, { storage, stats });
        storage.retained = retained;
        for (const restore of coverages) restore?.();
      };
    });
  }
}
