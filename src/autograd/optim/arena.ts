import type { Device, Storage } from '../../device';
import { gradInto } from '../tape';
import type { Tensor } from '../tensor';

const BLOCK = 256;

/** Blocks of 256 bytes: every parameter begins with one of its own. */
export const blocks = (bytes: number): number => Math.ceil(bytes / BLOCK);
const aligned = (bytes: number): number => blocks(bytes) * BLOCK;

/**
 * What an optimizer keeps of each parameter, by name: a number of every element; or of the parameter as a whole, which then
 * stands in front of each of its blocks' four numbers, of which the other three are the kernel's.
 */
export type Kept = Readonly<Record<string, 'element' | 'parameter'>>;

/** Parameters, their gradients and what an optimizer keeps of them, each side by side in one memory, in the same places. */
export interface Arena {
  readonly values: Storage;
  readonly grads: Storage;
  readonly state: Readonly<Record<string, Storage>>;
}

/** Parameters that lie side by side in an arena: equal ranges of values and gradients, and of what is kept of each element. */
export interface Neighbours {
  readonly value: Storage;
  readonly grad: Storage;
  /** By name; of what is kept of each parameter the whole arena's. */
  readonly state: Readonly<Record<string, Storage>>;
  /** The block in the arena that it begins with. */
  readonly block: number;
}

/** The run of a range of an arena's gradients. */
export function runOf({ values, grads, state }: Arena, grad: Storage, kept: Kept): Neighbours {
  const at = grad.offset - grads.offset;
  const same = (s: Storage): Storage => s.range(at, grad.bytes, s.label);
  const entries = Object.entries(state).map(([name, s]) => [name, kept[name] === 'element' ? same(s) : s]);
  return { value: same(values), grad, state: Object.fromEntries(entries), block: blocks(at) };
}

/**
 * Moves parameters and their gradients into arenas (more than one where a binding cannot hold all), so that what is done to
 * all of them takes one launch. Contents are kept; what fills the gaps is 0.
 */
export function pack(device: Device, params: readonly Tensor[], kept: Kept): Arena[] {
  const arenas: Arena[] = [];
  let batch: Tensor[] = [];
  let bytes = 0;
  const close = (): void => {
    if (batch.length > 0) arenas.push(packOne(device, batch, bytes, kept));
    [batch, bytes] = [[], 0];
  };
  for (const p of params) {
    const own = aligned(p.storage.bytes);
    if (bytes + own > device.limits.maxStorageBufferBindingSize) close();
    batch.push(p);
    bytes += own;
  }
  close();
  return arenas;
}

function packOne(device: Device, params: readonly Tensor[], bytes: number, kept: Kept): Arena {
  const make = (what: string, bytes: number): Storage => {
    const storage = device.persistent(() => device.alloc(bytes, what));
    device.clear(storage);
    return storage;
  };
  const state = Object.entries(kept).map(([name, of]) => [
    name,
    make(name, of === 'element' ? bytes : blocks(bytes) * 16),
  ]);
  const arena: Arena = {
    values: make('parameters', bytes),
    grads: make('gradients', bytes),
    state: Object.fromEntries(state),
  };
  let at = 0;
  for (const { value } of params) {
    const { storage, grad } = value;
    value.touch();
    value.storage = arena.values.range(at, storage.bytes, storage.label);
    value.grad = arena.grads.range(at, storage.bytes, `grad:${storage.label}`);
    device.copy(storage, value.storage);
    if (grad) device.copy(grad, value.grad);
    // Given back now, not by the garbage collector at some later step: the pool would then hand out other memory.
    for (const old of [storage, grad]) if (old && !old.retained) device.free(old);
    at += aligned(storage.bytes);
  }
  return arena;
}

/** The complete gradients of those parameters that have one. */
export function gradsOf(params: readonly Tensor[]): Storage[] {
  const grads: Storage[] = [];
  for (const p of params) {
    if (p.value.gradCovered.empty) continue;
    // Of a parameter that was used in part the rest is 0.
    const target = gradInto(p);
    if (target) grads.push(target.grad.storage);
  }
  return grads;
}

/** Ranges of one memory that follow each other become one. */
export function joined(storages: readonly Storage[]): Storage[] {
  const runs: Storage[] = [];
  for (const s of storages) {
    const last = runs.at(-1);
    if (last?.whole && last.whole === s.whole && last.offset + aligned(last.bytes) === s.offset) {
      const start = last.offset - last.whole.offset;
      runs[runs.length - 1] = last.whole.range(start, s.offset + s.bytes - last.offset, last.label);
    } else runs.push(s);
  }
  return runs;
}
