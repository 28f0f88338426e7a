export type { Activation } from '../kernels/conv2d';
export type { Layout } from './layout';
export { batchNorm, batchNormConv2d, type BatchNormOptions, type BatchNormTensors } from './ops/batch_norm';
export { conv2d, type Conv2dOptions } from './ops/conv2d';
export { backward, type GradTarget, gradEnabled, gradInto, noGrad, record } from './tape';
export { empty, matrixOf, Tensor, tensor, type TensorOptions, zeros } from './tensor';
export { step, storagesIn } from './step';
