export { Device, type DeviceStats, type Launching } from './device';
export { type Constants, defineKernel, type Kernel } from './kernel';
export type { Launch } from './profiler';
export { Storage } from './storage';
