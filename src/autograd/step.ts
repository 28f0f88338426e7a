import { refuseAsync } from '../base/synchronous';
import type { Device, Storage } from '../device';
import { Tensor } from './tensor';

/**
 * Runs one step of training or inference and submits it. Its rules:
 * - `fn` is synchronous: all that it computes is recorded before it returns. An async function is refused, since what came after its
 *   first `await` would be in no step. A result may be a promise of numbers, of a read begun inside: `step(device, () => loss.item())`.
 * - Tensors that `fn` returns, alone or in arrays and plain objects, live on; a slice or view keeps the memory that it is of. Everything
 *   else that was made inside goes back to the pool, whoever still refers to it: its later use throws with its name.
 * - What `backward` freed inside (activations above 64 KiB) is gone though it be returned: `retain()` or `detach()` it before.
 * - Parameters, their gradients and optimizer state are not the step's.
 * @throws Error when `fn` is an async function.
 * @example
 * const x = tensor(device, [3], [1], { requiresGrad: true });
 * const optimizer = new SGD([x], { lr: 0.1 });
 * const loss = step(device, () => {
 *   optimizer.zeroGrad();
 *   const loss = square(x);
 *   backward(loss);
 *   optimizer.step();
 *   return loss;
 * });
 * await loss.item(); // 9
 * await x.item(); // 2.4
 */
export function step<T>(device: Device, fn: () => T): T {
  refuseAsync('step', fn);
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
