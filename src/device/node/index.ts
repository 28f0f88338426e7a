import { Device } from '../device';
import { type AdapterOptions, requestAdapter } from './adapter';

export { type AdapterOptions, type FoundAdapter, listAdapters, requestAdapter } from './adapter';
export { type CacheEntry, cacheDir, cacheEntries, clearCache, ensureCacheDir } from './cache';

/**
 * Opens the best GPU of this machine, or the one asked for; see `requestAdapter` for what is set up when there is none.
 * @throws InputError, MachineError as `requestAdapter`
 */
export async function openDevice(options: AdapterOptions = {}): Promise<Device> {
  const { adapter, software } = await requestAdapter(options);
  return Device.create(adapter, { software });
}
