// A GPU on paper: what the engine would launch on one, told without any. Only dry runs work on it.
import { Device } from '../src/device';

/** What a GPU of today takes at least: kernels are chosen as on a GPU, and memory is no limit. */
const LIMITS = {
  maxBufferSize: 2 ** 38,
  maxStorageBufferBindingSize: 2 ** 32 - 4,
  maxComputeWorkgroupsPerDimension: 65535,
};

export function paperDevice(): Promise<Device> {
  const gpu = Object.assign(new EventTarget(), {
    features: new Set(['shader-f16']),
    limits: LIMITS,
    lost: new Promise(() => {}),
    destroy() {},
  });
  const adapter = { features: gpu.features, limits: LIMITS, info: {}, requestDevice: async () => gpu };
  return Device.create(adapter as unknown as GPUAdapter);
}
