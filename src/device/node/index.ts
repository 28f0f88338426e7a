import { isMainThread } from 'node:worker_threads';
import { Device } from '../device';
import { type AdapterOptions, requestAdapter } from './adapter';
import { memoryGrant } from './memory';

export { type AdapterOptions, type FoundAdapter, listAdapters, requestAdapter } from './adapter';
export { type CacheEntry, cacheDir, cacheEntries, clearCache, ensureCacheDir } from './cache';

/**
 * Opens the best GPU of this machine, or the one asked for; see `requestAdapter` for what is set up when there is none.
 *
 * In a worker thread too, where a GPU's driver is there or the main thread has opened a device before. Such a thread ends by itself, by
 * `process.exit` or by an error: `worker.terminate()` in the middle of a step ends the whole process, as Dawn's bindings stand no termination.
 * @throws InputError, MachineError as `requestAdapter`
 * @example
 * const own = await openDevice({ gpu: 'software' });
 * own.software; // true
 * own.destroy();
 */
export async function openDevice(options: AdapterOptions = {}): Promise<Device> {
  const { adapter, software } = await requestAdapter(options);
  const device = await Device.create(adapter, { software });
  // A driver that computes on the CPU takes the machine's own memory, and is killed without a word when there is none left.
  if (software) device.pool.budget = memoryGrant().left;
  if (!isMainThread) destroyAtExit(device);
  return device;
}

/** The end of a thread collects what it has of Dawn, which ends the process where a read is still waiting. */
function destroyAtExit(device: Device): void {
  const destroy = (): void => device.destroy();
  process.once('exit', destroy);
  void device.lost.then(() => process.off('exit', destroy));
}

export { type MemoryGrant, memoryGrant } from './memory';
