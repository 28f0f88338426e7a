// The library: what a script imports from 'emotion-gcn'.
export * from './autograd';
export { InputError, MachineError } from './base/errors';
export { alignMatrix, eyeCentres, type Matrix2x3, type Point, type Rectangle } from './base/pixels/align';
export { type Box, cropBox } from './base/pixels/crop';
export type { NetworkInput } from './base/pixels/network_input';
export { resizeBilinear, resizedSize } from './base/pixels/resize';
export type { RgbImage } from './base/pixels/rgb_image';
export { warpCubic } from './base/pixels/warp';
export { randomBits, randomPermutation, randomStream, randomUniform } from './base/random';
export * from './data';
export { writeSyntheticSet } from './data/synthetic/synthetic';
export {
  Device,
  DeviceLost,
  type DeviceStats,
  defineKernel,
  type Kernel,
  type Launching,
  type Storage,
} from './device';
export { listAdapters, openDevice } from './device/node';
export {
  asDataFrame,
  asNdarray,
  dataFrame,
  ndarray,
  type PickleValue,
  readPickle,
  writePickle,
} from './formats/pickle';
export { readSafetensors, type SafetensorsFile, writeSafetensors } from './formats/safetensors';
export {
  readCheckpoint,
  readTorch,
  readTorchTensor,
  type TorchCheckpoint,
  writeCheckpoint,
  writeTorchTensor,
} from './formats/torch';
export { forceVariant, type Variant, variantsOf } from './kernels/variant';
export * from './models';
export { type ExportFormat, exportRun } from './train/export';
export type { StepEvent, TrainHooks } from './train/loop/events';
export type { Outcome } from './train/loop/session';
export { Trainer, type TrainerOptions } from './train/loop/trainer';
export { type EvaluateSettings, evaluate } from './train/measures/evaluate';
export {
  accuracy,
  argmaxRows,
  type ClassScores,
  classScores,
  computeMetrics,
  confusionMatrix,
  type Metrics,
  macroF1,
  type Predictions,
  rmse,
} from './train/measures/metrics';
export { type FacePrediction, predict } from './train/measures/predict';
export { openNetwork } from './train/run/network';
export { type Run, type RunArgs, type RunMetrics, readRun, readWeights } from './train/run/read_run';
export { readRunToRepeat } from './train/run/repeat';
export type { EpochRow } from './train/run/results';
export { readRunToResume } from './train/run/resume';
export { RunFolder } from './train/run/run_folder';
export { readTrainArgs, type TrainArgs } from './train/settings/args';
export { checkInputs } from './train/settings/places';
export { type RateArgs, rateFactor } from './train/settings/rate';
