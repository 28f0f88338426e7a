import type { Device } from '../../src/device';

/** Why activations cannot be f16 on this adapter; null: they can. */
export const withoutF16 = (device: Device): string | null =>
  device.features.has('shader-f16') ? null : 'this adapter has no shader-f16';
