import { copyChannels, zeroChannels } from '../kernels/channels';
import { matrixOf, type Tensor } from './tensor';
import type { Value } from './value';

/** One recorded operation. Nodes are numbered as they run, so backward walks them by falling number. */
export interface Node {
  readonly sequence: number;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Called with the gradient of each output (null where nothing wrote one); writes its inputs' through `gradInto`. */
  readonly backward: (...grads: (Tensor | null)[]) => void;
}

let sequence = 0;
let enabled = true;

/** Runs `fn` without recording: nothing in it gets a gradient, and a module's intermediates are freed as it returns. */
export function noGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

export const gradEnabled = (): boolean => enabled;

/**
 * Records an operation if any input wants a gradient. `backward` gets the outputs' gradients in their order; it asks
 * `gradInto(input)` where to write each input's.
 */
export function record(
  name: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  backward: Node['backward'],
): void {
  const present = inputs.filter((t) => t !== null);
  if (!enabled || !present.some((t) => t.requiresGrad)) return;
  const node: Node = { sequence: sequence++, name, inputs: present, outputs, backward };
  for (const out of outputs) {
    const [from, to] = out.columns;
    out.value.producers.push({ node, from, to });
    out.value.requiresGrad = true;
  }
}

/** Where an input's gradient goes: `accumulate` says whether to add to what is there. */
export interface GradTarget {
  readonly grad: Tensor;
  readonly accumulate: boolean;
}

/**
 * The place for `input`'s gradient, or null when it wants none. The caller must write all of it (or add to all of it).
 * A range that was written in part is filled up with zeros first.
 */
export function gradInto(input: Tensor | null): GradTarget | null {
  if (!input?.requiresGrad) return null;
  const { value } = input;
  const [from, to] = input.columns;
  const gaps = value.gradCovered.missing(from, to);
  const grad = input.over(value.gradStorage());
  const untouched = gaps.length === 1 && gaps[0][0] === from && gaps[0][1] === to;
  if (!untouched) fillGaps(value, gaps);
  value.gradCovered.add(from, to);
  return { grad, accumulate: !untouched };
}

function fillGaps(value: Value, gaps: [number, number][]): void {
  for (const [from, to] of gaps) {
    zeroChannels(value.device, {
      storage: value.gradStorage(),
      rows: value.rows,
      channels: to - from,
      stride: value.width,
      offset: from,
      dtype: value.dtype,
    });
    value.gradCovered.add(from, to);
  }
}

/** The complete gradient of an output, or null when no reader wrote any. */
function gradOf(output: Tensor): Tensor | null {
  const { value } = output;
  const [from, to] = output.columns;
  const gaps = value.gradCovered.missing(from, to);
  if (!value.grad || gaps.reduce((n, [a, b]) => n + b - a, 0) === to - from) return null;
  fillGaps(value, gaps);
  return output.over(value.grad);
}

// Below this an activation is not worth freeing early, and a loss or its logits can still be read after backward.
const WORTH_FREEING = 64 << 10;

/**
 * Back-propagates from `root`: adds d(sum of `upstream` * root)/dx to `x.grad` of every leaf that wants it. Activations
 * (above 64 KiB) go back to the pool after their last use; a graph can be walked once.
 * @param upstream the gradient of `root`; 1 for a scalar.
 * @throws Error when `root` is no scalar and `upstream` is missing, or nothing leads to a leaf that wants a gradient.
 */
export function backward(root: Tensor, upstream?: Tensor): void {
  if (!root.requiresGrad) throw new Error(`backward from ${root}: nothing that it was made from requires a gradient`);
  if (!upstream && root.size !== 1)
    throw new Error(`backward from ${root}: a tensor of ${root.size} elements needs an upstream gradient`);
  if (upstream && upstream.shape.join() !== root.shape.join())
    throw new Error(`backward from ${root}: upstream has shape ${upstream.shape.join('x')}`);
  noGrad(() => {
    const target = gradInto(root) as GradTarget;
    if (!upstream) target.grad.write(new Float32Array([1]));
    else copyInto(upstream, target.grad);

    const leaves = new Set<Tensor>();
    for (const node of reachable(root, leaves)) {
      const grads = node.outputs.map(gradOf);
      node.outputs.forEach((o, i) => {
        const g = grads[i];
        if (g) for (const hook of o.gradHooks) hook(g);
      });
      if (grads.some((g) => g !== null)) node.backward(...grads);
      for (const out of node.outputs) finish(out.value, out === root);
    }
    for (const leaf of leaves) if (leaf.grad) for (const hook of leaf.gradHooks) hook(leaf.grad);
  });
}

/** The nodes that lead to `root`, latest first; collects the leaves that want a gradient. */
function reachable(root: Tensor, leaves: Set<Tensor>): Node[] {
  const seen = new Set<Node>(root.producers);
  const stack = [...seen];
  for (let node = stack.pop(); node; node = stack.pop()) {
    for (const input of node.inputs) {
      if (!input.requiresGrad) continue;
      if (input.value.isLeaf) leaves.add(input);
      for (const p of input.producers) {
        // A view of a growing value may overlap nodes that came after its reader: those are not its makers.
        if (p.sequence < node.sequence && !seen.has(p)) {
          seen.add(p);
          stack.push(p);
        }
      }
    }
  }
  return [...seen].sort((a, b) => b.sequence - a.sequence);
}

/** One producer of `value` is done: when all are, nobody upstream needs the value or its gradient any more. */
function finish(value: Value, isRoot: boolean): void {
  if (++value.finished < value.producers.length || isRoot) return;
  value.gradCovered.clear();
  if (value.storage.bytes < WORTH_FREEING) return;
  if (!value.storage.retained) value.device.free(value.storage);
  if (value.grad) value.device.free(value.grad);
  value.grad = null;
}

function copyInto(from: Tensor, to: Tensor): void {
  if (from.layout !== to.layout)
    throw new Error(`backward: the upstream gradient must have layout ${to.layout}, found ${from.layout}`);
  copyChannels(from.device, matrixOf(from), matrixOf(to), false);
}
