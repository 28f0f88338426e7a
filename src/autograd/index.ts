export type { Activation } from '../kernels/conv2d';
export { type GradcheckOptions, type GradcheckResult, gradcheck } from './gradcheck';
export type { Layout } from './layout';
export {
  type BatchNormOptions,
  type BatchNormTensors,
  batchNorm,
  batchNormAvgPool2d,
  batchNormConv2d,
} from './ops/batch_norm';
export { type Conv2dOptions, conv2d } from './ops/conv2d';
export { linear, type MatmulOptions, matmul } from './ops/matmul';
export { step, storagesIn } from './step';
export { backward, type GradTarget, gradEnabled, gradInto, noGrad, record } from './tape';
export { empty, matrixOf, readAll, Tensor, type TensorOptions, tensor, zeros } from './tensor';
