export type { Activation } from '../kernels/activation';
export { activationsObserved, observeActivations, type RunningNorm } from './activated';
export { type GradcheckOptions, type GradcheckResult, gradcheck } from './gradcheck';
export { inspect, type Spread, spreadOf, type TensorInspection } from './inspect';
export type { Layout } from './layout';
export { bringMoments, collectMoments, dropMoments, type Norms, runningStatistic } from './moments';
export { FirstNotFinite } from './not_finite';
export { affineImage, type ImageBatch } from './ops/affine_image';
export {
  type BatchNormOptions,
  batchNorm,
  batchNormAvgPool2d,
  batchNormConv2d,
} from './ops/batch_norm';
export { float, half } from './ops/cast';
export { ccc, cccLoss } from './ops/ccc';
export { concat, padChannels, sliceChannels } from './ops/channels';
export { type Conv2dEpilogue, type Conv2dOptions, conv2d, samePadding } from './ops/conv2d';
export { crossEntropy, labels, logSoftmax } from './ops/cross_entropy';
export { type DropoutOptions, dropout } from './ops/dropout';
export { linear, type MatmulOptions, matmul } from './ops/matmul';
export { mse } from './ops/mse';
export {
  abs,
  add,
  div,
  elu,
  exp,
  gelu,
  leakyRelu,
  log,
  mul,
  neg,
  type Operand,
  relu,
  relu6,
  sigmoid,
  sqrt,
  square,
  sub,
  swish,
  tanh,
} from './ops/pointwise';
export { adaptiveAvgPool2d, avgPool2d, maxPool2d, maxPool2dWithIndices, type PoolOptions } from './ops/pool';
export { mean, type ReduceOptions, sum } from './ops/reduce';
export { flatten, reshape, transpose } from './ops/reshape';
export { resizeBilinear } from './ops/resize';
export type { BatchNormTensors } from './ops/running_norm';
export { shortcut } from './ops/shortcut';
export { type Csr, csr, csrFromDense, spmm } from './ops/spmm';
export { Adam, type AdamOptions, AdamW } from './optim/adam';
export { clipGradNorm } from './optim/clip';
export { Ema } from './optim/ema';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './optim/grad_scaler';
export { factorOf, Guard, type GuardOptions, refusedBy } from './optim/guard';
export { type Group, Optimizer, type OptimizerOptions, type ParameterGroup } from './optim/optimizer';
export { SGD, type SGDOptions } from './optim/sgd';
export { step, storagesIn } from './step';
export { type BackwardOptions, backward, type GradTarget, gradEnabled, gradInto, noGrad, record } from './tape';
export { empty, matrixOf, readAll, Tensor, type TensorOptions, tensor, zeros } from './tensor';
