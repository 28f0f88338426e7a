import type { Storage } from '../device';
import { OWED_BYTES, type OwedTarget, settle } from '../kernels/batch_norm';
import { copyChannels, zeroChannels } from '../kernels/channels';
import type { Matrix } from '../kernels/launch/matrix';
import { Coverage } from './coverage';
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
  const grad = input.over(value.gradStorage());
  const accumulate = value.gradCovered.claim(...input.columns, (from, to) => zeroGrad(value, from, to));
  return { grad, accumulate };
}

const columnsOf = (value: Value, storage: Storage, from: number, to: number): Matrix => ({
  storage,
  rows: value.rows,
  channels: to - from,
  stride: value.width,
  offset: from,
  dtype: value.dtype,
});

const zeroGrad = (value: Value, from: number, to: number): void =>
  zeroChannels(value.device, columnsOf(value, value.gradStorage(), from, to));

/**
 * Where a batch norm of `input` notes what it owes input's gradient, instead of passing over it: settled once, where the
 * gradient is read, for all that noted something.
 */
export function oweInto(input: Tensor): OwedTarget {
  const { value, device } = input;
  const bytes = value.width * OWED_BYTES;
  value.owed ??= { storage: device.alloc(bytes, `owed:${value.storage.label}`), covered: new Coverage() };
  const { storage, covered } = value.owed;
  const zero = (from: number, to: number): void => {
    const channels = (to - from) * (OWED_BYTES / 4);
    zeroChannels(device, {
      storage,
      rows: 1,
      channels,
      stride: channels,
      offset: from * (OWED_BYTES / 4),
      dtype: 'f32',
    });
  };
  return { storage, first: input.offset, accumulate: covered.claim(...input.columns, zero) };
}

/** Adds to the gradient of columns from..to what they are owed. */
function settleColumns(value: Value, from: number, to: number): void {
  const { owed, stats, grad, device } = value;
  if (!owed || !stats || !grad) return;
  let at = from;
  for (const [a, b] of [...owed.covered.missing(from, to), [to, to]]) {
    if (a > at) settle(device, columnsOf(value, value.storage, at, a), grad, stats.storage, owed.storage);
    at = b;
  }
  owed.covered.remove(from, to);
  if (!owed.covered.empty) return;
  device.free(owed.storage);
  value.owed = null;
}

/** The complete gradient of an output, or null when no reader wrote any. */
function gradOf(output: Tensor): Tensor | null {
  const { value } = output;
  const [from, to] = output.columns;
  const gaps = value.gradCovered.missing(from, to);
  if (!value.grad || gaps.reduce((n, [a, b]) => n + b - a, 0) === to - from) return null;
  for (const [a, b] of gaps) zeroGrad(value, a, b);
  value.gradCovered.add(from, to);
  settleColumns(value, from, to);
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
    for (const { value } of leaves) settleColumns(value, 0, value.width);
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
