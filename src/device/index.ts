export { Device, type DeviceStats } from './device';
export { DeviceLost, OutOfMemory } from './faults';
export { type Constants, defineKernel, type Kernel } from './kernel';
export type { Launch, LaunchWork } from './profiler';
export type { Launching } from './recorder';
export { Storage } from './storage';
