import type { Device, Storage } from '../device';
import type { DType } from '../kernels/launch/matrix';
import { Coverage } from './coverage';
import type { Node } from './tape';

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

/**
 * What tensors are views of: memory as `rows` rows of `width` elements, with the gradient that its readers share. A plain
 * tensor is one row. Gradients are written or accumulated a range of columns at a time: the first writer of a column
 * writes, later ones add.
 */
export class Value {
  requiresGrad = false;
  grad: Storage | null = null;
  readonly gradCovered = new Coverage();
  /** The operations that wrote this value, oldest first; none for a leaf. */
  readonly producers: { node: Node; from: number; to: number }[] = [];
  stats: ChannelStats | null = null;
  owed: Owed | null = null;
  /** Producers whose backward has run; the memory goes when all have. */
  finished = 0;

  constructor(
    readonly device: Device,
    public storage: Storage,
    readonly rows: number,
    readonly width: number,
    readonly dtype: DType,
  ) {}

  get isLeaf(): boolean {
    return this.producers.length === 0;
  }

  /** Memory for the gradient, made at first use. A leaf's outlives the step when the leaf does. */
  gradStorage(): Storage {
    const make = (): Storage => this.device.alloc(this.storage.bytes, `grad:${this.storage.label}`);
    this.grad ??= this.isLeaf && this.outlivesStep ? this.device.persistent(make) : make();
    return this.grad;
  }

  /** True for a value made outside any step. */
  outlivesStep = false;

  dropGrad(): void {
    this.gradCovered.clear();
  }
}
