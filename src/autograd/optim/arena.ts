import type { Device, Storage } from '../../device';
import { gradInto } from '../tape';
import type { Tensor } from '../tensor';

const aligned = (bytes: number): number => Math.ceil(bytes / 256) * 256;

/** Parameters, their gradients and their velocities, each side by side in one memory, in the same places. */
export interface Arena {
  readonly values: Storage;
  readonly grads: Storage;
  readonly velocities: Storage;
}

/**
 * Moves parameters and their gradients into arenas (more than one where a binding cannot hold all), so that what is done to
 * all of them takes one launch. Contents are kept; what fills the gaps is 0.
 */
export function pack(device: Device, params: readonly Tensor[]): Arena[] {
  const arenas: Arena[] = [];
  let batch: Tensor[] = [];
  let bytes = 0;
  const close = (): void => {
    if (batch.length > 0) arenas.push(packOne(device, batch, bytes));
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

function packOne(device: Device, params: readonly Tensor[], bytes: number): Arena {
  const make = (what: string): Storage => {
    const storage = device.persistent(() => device.alloc(bytes, what));
    device.clear(storage);
    return storage;
  };
  const arena = { values: make('parameters'), grads: make('gradients'), velocities: make('velocities') };
  let at = 0;
  for (const { value } of params) {
    const { storage, grad } = value;
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
