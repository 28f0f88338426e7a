import type { Device, Storage } from '../device';
import { Tensor } from './tensor';

/**
 * Runs one step of training or inference and submits it. Tensors that `fn` returns (alone, or in arrays and objects) live
 * on; everything else made inside goes back to the pool. Parameters, their gradients and optimizer state are not the
 * step's.
 */
export function step<T>(device: Device, fn: () => T): T {
  const result = device.scope(fn, (r) => storagesIn(r));
  device.flush();
  return result;
}

/** The memory behind every tensor in a result. */
export function storagesIn(result: unknown, found: Storage[] = []): Storage[] {
  if (result instanceof Tensor) found.push(result.storage);
  else if (Array.isArray(result)) for (const r of result) storagesIn(r, found);
  else if (result !== null && typeof result === 'object' && Object.getPrototypeOf(result) === Object.prototype)
    for (const r of Object.values(result)) storagesIn(r, found);
  return found;
}
