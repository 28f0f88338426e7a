import { refuseAsync } from '../base/synchronous';
import type { Storage } from '../device';
import { OWED_BYTES, type OwedTarget, settle } from '../kernels/batch_norm';
import { copyChannels, zeroChannels } from '../kernels/channels';
import type { Matrix } from '../kernels/launch/matrix';
import { Coverage } from './coverage';
import { Node, nodesOf } from './node';
import { wantFloats } from './ops/check';
import { sumsOf } from './sums';
import { matrixOf, type Tensor, tensor } from './tensor';
import { turningOf } from './turned';
import type { Hook, Value } from './value';

let sequence = 0;
let enabled = true;

/**
 * Runs `fn` without recording: nothing in it gets a gradient, and a module's intermediates are freed as it returns. It may
 * return a promise, say of a read; but what runs after an `await` is outside.
 * @throws Error for an async function.
 * @example
 * const x = tensor(device, [2], [1], { requiresGrad: true });
 * noGrad(() => mul(x, x)).requiresGrad; // false
 */
export function noGrad<T>(fn: () => T): T {
  refuseAsync('noGrad', fn);
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/**
 * False inside `noGrad`.
 * @example
 * gradEnabled(); // true
 * noGrad(() => gradEnabled()); // false
 */
export const gradEnabled = (): boolean => enabled;

/**
 * Every operation calls it once it has written its outputs. If any input wants a gradient it is recorded: `backward` gets
 * the outputs' gradients in their order and asks `gradInto(input)` where to write each input's.
 * @param saved memory besides inputs and outputs that `backward` wants, and nobody after it.
 * @param turns the weight of a convolution that `backward` wants transposed (turned.ts).
 * @throws Error when an output is where an operation has written whose backward is still to come, or a leaf that wants a gradient.
 * @example
 * // 3 x, as an op of one's own.
 * function triple(x: Tensor): Tensor {
 *   const y = noGrad(() => mul(x, 3));
 *   record('triple', [x], [y], (dy) => {
 *     const dx = dy && gradInto(x);
 *     if (!dx) return;
 *     const own = mul(dy, 3);
 *     device.copy((dx.accumulate ? add(dx.grad, own) : own).storage, dx.grad.storage);
 *   });
 *   return y;
 * }
 * const x = tensor(device, [1, 2], [2], { requiresGrad: true });
 * await gradcheck(triple, [x]);
 */
export function record(
  name: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  backward: Node['backward'],
  saved: readonly Storage[] = [],
  turns: Tensor | null = null,
): void {
  for (const out of outputs) written(name, out);
  if (!enabled) return;
  const present: Tensor[] = [];
  const producers: Node[] = [];
  let wanted = false;
  for (const input of inputs) {
    if (!input) continue;
    present.push(input);
    if (!input.requiresGrad) continue;
    wanted = true;
    producers.push(...nodesOf(input));
  }
  if (!wanted) return;
  const node = new Node(sequence++, name, present, outputs, producers, backward, saved, turns);
  for (const { value, columns } of outputs) {
    const [from, to] = columns;
    value.touch();
    value.producers = [...value.producers, { node, from, to }];
    value.requiresGrad = true;
  }
}

function written(name: string, out: Tensor): void {
  const { value } = out;
  if (enabled && value.requiresGrad && value.isLeaf)
    throw new Error(`${name} writes ${out}, a leaf that requires a gradient: write elsewhere, or under noGrad`);
  if (value.contents.stats || !value.isLeaf) value.written(name, ...out.columns);
}

/** Where an input's gradient goes: `accumulate` says whether to add to what is there. */
export interface GradTarget {
  readonly grad: Tensor;
  readonly accumulate: boolean;
}

/**
 * The place for `input`'s gradient, or null when it wants none. The caller must write all of it (or add to all of it).
 * A range that was written in part is filled up with zeros first.
 * @example
 * const x = tensor(device, [1, 2], [2], { requiresGrad: true });
 * gradInto(x)?.accumulate; // false
 * gradInto(x)?.accumulate; // true
 * gradInto(tensor(device, [1], [1])); // null
 */
export function gradInto(input: Tensor | null): GradTarget | null {
  if (!input?.requiresGrad) return null;
  const { value } = input;
  value.touch();
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
  value.touch();
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
  const { owed, grad, device } = value;
  const { stats } = value.contents;
  if (!owed || !stats || !grad) return;
  let at = from;
  for (const [a, b] of [...owed.covered.missing(from, to), [to, to]]) {
    if (a > at) settle(device, columnsOf(value, value.storage, at, a), grad, stats.storage, owed.storage);
    at = b;
  }
  owed.covered.remove(from, to);
  if (owed.covered.empty) value.dropOwed();
}

/** Completes the gradient of columns from..to; null when no reader wrote any. */
function complete(value: Value, from: number, to: number): Storage | null {
  const { grad, gradCovered } = value;
  const gaps = gradCovered.missing(from, to);
  if (!grad || (gaps.length === 1 && gaps[0][0] === from && gaps[0][1] === to)) return null;
  value.touch();
  for (const [a, b] of gaps) zeroGrad(value, a, b);
  gradCovered.add(from, to);
  settleColumns(value, from, to);
  return grad;
}

/** The complete gradient of an output, or null when no reader wrote any. */
function gradOf(output: Tensor): Tensor | null {
  const grad = complete(output.value, ...output.columns);
  return grad && output.over(grad);
}

// Below this an activation is not worth freeing early, and a loss or its logits can still be read after backward.
const WORTH_FREEING = 64 << 10;

export interface BackwardOptions {
  /** Keep the graph, so that another backward can walk it or a part of it. Default false. */
  readonly retainGraph?: boolean;
}

/**
 * Back-propagates from `root`: adds d(sum of `upstream` * root)/dx to `x.grad` of every leaf that wants it. Activations
 * (above 64 KiB) go back to the pool after their last use.
 *
 * A graph, or a part that several roots share, can be walked once, as in PyTorch: for more, add the losses up, or give all
 * walks but the last `retainGraph`.
 * @param upstream the gradient of `root`; 1 for a scalar.
 * @throws Error when `root` is no scalar and `upstream` is missing, nothing leads to a leaf that wants a gradient, or a
 *   backward has walked a part of the graph and not kept it.
 * @example
 * const x = tensor(device, [1, 2, 3], [3], { requiresGrad: true });
 * backward(sum(mul(x, x)));
 * if (x.grad) await x.grad.data(); // [2, 4, 6]
 */
export function backward(root: Tensor, upstream?: Tensor, { retainGraph = false }: BackwardOptions = {}): void {
  if (!root.requiresGrad) throw new Error(`backward from ${root}: nothing that it was made from requires a gradient`);
  if (!upstream && root.size !== 1)
    throw new Error(`backward from ${root}: a tensor of ${root.size} elements needs an upstream gradient`);
  if (upstream && upstream.shape.join() !== root.shape.join())
    throw new Error(`backward from ${root}: upstream has shape ${upstream.shape.join('x')}`);
  if (upstream) wantFloats('backward', upstream);
  if (upstream && upstream.layout !== root.layout)
    throw new Error(`backward from ${root}: upstream must have layout ${root.layout}, found ${upstream.layout}`);
  noGrad(() => {
    const leaves = new Set<Value>();
    const nodes = reachable(root, leaves);
    begin(root, upstream);
    const turning = turningOf(root.device);
    turning.begin(nodes.flatMap(({ turns }) => turns ?? []));
    try {
      for (const node of nodes) {
        const grads = node.outputs.map(gradOf);
        if (grads.some((g) => g !== null)) {
          for (const { value } of node.outputs) if (value.hooks.length > 0) tellHooks(value, node, nodes);
          node.backward(...grads);
        }
        if (!retainGraph) spend(node, root);
      }
    } finally {
      turning.end();
      sumsOf(root.device).end();
    }
    // What is computed begins anew in the next walk.
    for (const { outputs } of nodes) for (const { value } of outputs) forgetGrad(value);
    for (const value of leaves) complete(value, 0, value.width);
    for (const value of leaves) for (const hook of value.hooks) tell(value, hook);
  });
}

/** Writes the gradient of `root`; to a leaf's it is added. */
function begin(root: Tensor, upstream: Tensor | undefined): void {
  const { device, layout, shape, value } = root;
  const { grad, accumulate } = gradInto(root) as GradTarget;
  const adds = accumulate && value.isLeaf;
  if (!upstream && !adds && root.contiguous) grad.write(new Float32Array([1]));
  else copyChannels(device, matrixOf(upstream ?? tensor(device, [1], shape, { layout })), matrixOf(grad), adds);
}

/** The nodes that lead to `root`, latest first; collects the leaves that want a gradient. */
function reachable(root: Tensor, leaves: Set<Value>): Node[] {
  const seen = new Set<Node>(nodesOf(root));
  const stack = [...seen];
  if (root.value.isLeaf) leaves.add(root.value);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.spent)
      throw new Error(
        `backward from ${root}: a backward has walked ${node.name} of its graph already: give that one ` +
          '{ retainGraph: true }, or add the losses up and walk once',
      );
    for (const { value } of node.inputs) if (value.isLeaf && value.requiresGrad) leaves.add(value);
    for (const p of node.producers) {
      if (seen.has(p)) continue;
      seen.add(p);
      stack.push(p);
    }
  }
  return [...seen].sort((a, b) => b.sequence - a.sequence);
}

/** Tells those who asked for the gradient of columns of `value` that is complete now that `node` has its turn. */
function tellHooks(value: Value, node: Node, nodes: readonly Node[]): void {
  for (const hook of value.hooks) {
    const producers = value.producersOf(hook.from, hook.to).map((p) => p.node);
    const last = producers.find((p) => nodes.includes(p as Node));
    if (last === node) tell(value, hook);
  }
}

function tell(value: Value, { from, to, tell }: Hook): void {
  const grad = complete(value, from, to);
  if (grad && value.device.computing) tell(grad);
}

/** `node` is done: what nobody upstream needs any more is given back, and it cannot be walked again. */
function spend(node: Node, root: Tensor): void {
  const { device } = node.outputs[0];
  device.rememberState(node, () => () => {
    node.spent = false;
  });
  node.spent = true;
  for (const s of node.saved) device.free(s);
  for (const { value } of node.outputs) {
    const { storage, producers } = value;
    if (storage.bytes < WORTH_FREEING || !producers.every((p) => p.node.spent)) continue;
    if (!storage.retained && value !== root.value) device.free(storage);
    freeGrad(value);
  }
}

function forgetGrad(value: Value): void {
  value.touch();
  value.gradCovered.clear();
  if (value.storage.bytes >= WORTH_FREEING) freeGrad(value);
}

function freeGrad(value: Value): void {
  if (!value.grad) return;
  value.touch();
  value.device.free(value.grad);
  value.grad = null;
}
