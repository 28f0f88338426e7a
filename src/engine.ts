// The engine, what a page and Node share: device, kernels, autograd, models, faces. It imports no package and nothing of Node;
// engine_node.ts and engine_page.ts add how a device is opened.
export * from './autograd';
export { InputError, MachineError } from './base/errors';
export { alignMatrix, eyeCentres, type Matrix2x3, type Point, type Rectangle } from './base/pixels/align';
export { type Box, cropBox } from './base/pixels/crop';
export type { NetworkInput } from './base/pixels/network_input';
export { resizeBilinear as resizePicture, resizedSize } from './base/pixels/resize';
export type { RgbImage } from './base/pixels/rgb_image';
export { warpCubic } from './base/pixels/warp';
export { randomBits, randomPermutation, randomStream, randomUniform } from './base/random';
export { Device, DeviceLost, type DeviceStats, defineKernel, type Kernel, type Launching, OutOfMemory } from './device';
export { FaceFinder, type FoundFace } from './faces/finder';
export { forceVariant, type Variant, variantsOf } from './kernels/variant';
export * from './models';
export type { FaceWeights } from './models/face_api';
