import type { Storage } from '../device';
import type { Tensor } from './tensor';

/** One recorded operation. Nodes are numbered as they run, so backward walks them by falling number. */
export class Node {
  /** A backward has walked it and kept nothing: it cannot be walked again. */
  spent = false;

  constructor(
    readonly sequence: number,
    readonly name: string,
    readonly inputs: readonly Tensor[],
    readonly outputs: readonly Tensor[],
    /** The nodes that its inputs came from as it ran. */
    readonly producers: readonly Node[],
    /** Called with the gradient of each output (null where nothing wrote one); writes its inputs' through `gradInto`. */
    readonly backward: (...grads: (Tensor | null)[]) => void,
    /** Memory besides its inputs and outputs that `backward` wants, and nobody after it. */
    readonly saved: readonly Storage[],
    /** The convolution's weight that `backward` wants transposed: see turned.ts. */
    readonly turns: Tensor | null,
  ) {}
}

/** The nodes that wrote what `t` shows: `record` alone adds producers to a value. */
export const nodesOf = (t: Tensor): Node[] => t.value.producersOf(...t.columns).map((p) => p.node as Node);
