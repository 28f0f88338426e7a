import { InputError, MachineError } from '../../base/errors';
import { Device } from '../device';
import type { AdapterOptions } from '../node';

/**
 * Opens the GPU that the browser gives to a page or worker. It is called as that of Node is, but nothing is fetched, and nothing to `say`.
 * @param options `gpu` may be `software`, for a driver that computes on the CPU
 * @throws InputError when an adapter is asked for by name: a page cannot choose
 * @throws MachineError where the browser has no WebGPU or gives no adapter
 * @example
 * const own = await openDevice();
 * own.limits.maxStorageBuffersPerShaderStage >= 8; // true
 * own.destroy();
 */
export async function openDevice({ gpu }: AdapterOptions = {}): Promise<Device> {
  const software = gpu?.toLowerCase() === 'software';
  if (gpu !== undefined && !software)
    throw new InputError(`gpu ${gpu}: a page cannot choose an adapter by its name; leave it out, or ask for software`);
  const { navigator, isSecureContext } = globalThis;
  if (!navigator?.gpu)
    throw new MachineError(
      isSecureContext === false
        ? 'a page has WebGPU only over https or on localhost: open it there'
        : 'this browser has no WebGPU: take a newer one, or switch it on (chrome://gpu, about:config dom.webgpu.enabled)',
    );
  const adapter = await navigator.gpu.requestAdapter({
    powerPreference: 'high-performance',
    forceFallbackAdapter: software,
  });
  if (!adapter)
    throw new MachineError(
      `this browser gives no ${software ? 'software ' : ''}adapter: see chrome://gpu or about:support for why`,
    );
  return Device.create(adapter, { software: software || adapter.info.isFallbackAdapter });
}
