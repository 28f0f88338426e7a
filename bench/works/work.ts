import { empty, type Tensor, type TensorOptions, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { filler } from '../measure';

/** What a peer is asked to compute: the same thing from the same numbers. */
export type Task = Readonly<Record<string, string | number>>;

/** One thing to measure. */
export interface Work {
  readonly name: string;
  /** What works that are alike share, such as `conv forward`. */
  readonly family: string;
  /** Multiply-adds count as two; 0 for work bound by memory. */
  readonly flop: number;
  /** Bytes read and written at least. */
  readonly bytes: number;
  /** For the peers; null where they have no such thing. */
  readonly task: Task | null;
  /** Makes the operands; returns what is to be timed, and what it computes. */
  prepare(operands: Operands): { run: () => void; results: readonly Tensor[] };
}

/** The memory of one work. `free` gives it back. */
export class Operands {
  private readonly made: Tensor[] = [];

  constructor(readonly device: Device) {}

  /** Numbers of `filler`; every input of a work has its own `salt`, which its peers know. */
  input(shape: readonly number[], salt: number, options: TensorOptions = {}): Tensor {
    return this.keep(
      tensor(
        this.device,
        filler(
          shape.reduce((a, b) => a * b, 1),
          salt,
        ),
        shape,
        options,
      ),
    );
  }

  output(shape: readonly number[], options: TensorOptions = {}): Tensor {
    return this.keep(empty(this.device, shape, options));
  }

  keep(t: Tensor): Tensor {
    this.made.push(t);
    return t;
  }

  free(): void {
    for (const t of this.made) this.device.free(t.storage);
  }
}

/** One of each name. */
export const distinct = (works: readonly Work[]): Work[] => [...new Map(works.map((w) => [w.name, w])).values()];
