import { Device } from '../device';
import { type AdapterOptions, requestAdapter } from './adapter';
import { memoryGrant } from './memory';

export { type AdapterOptions, type FoundAdapter, listAdapters, requestAdapter } from './adapter';
export { type CacheEntry, cacheDir, cacheEntries, clearCache, ensureCacheDir } from './cache';

/**
 * Opens the best GPU of this machine, or the one asked for; see `requestAdapter` for what is set up when there is none.
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
  return device;
}
export { type MemoryGrant, memoryGrant } from './memory';
