export { batchNorm, batchNormConv2d } from './ops/batch_norm';
export { conv2d } from './ops/conv2d';
export { backward, gradInto, noGrad, record } from './tape';
export { empty, Tensor, tensor, zeros } from './tensor';
