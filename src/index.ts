// The library: what a script imports from 'emotion-gcn'.
export * from './autograd';
export * from './data';
export { writeSyntheticSet } from './data/synthetic';
export {
  Device,
  type DeviceStats,
  defineKernel,
  InputError,
  type Kernel,
  type Launching,
  MachineError,
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
export * from './models';
export { checkInputs, readTrainArgs, type TrainArgs } from './train/args';
export { type EvaluateSettings, evaluate } from './train/evaluate';
export type { StepEvent, TrainHooks } from './train/events';
export { type ExportFormat, exportRun } from './train/export';
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
} from './train/metrics';
export { openNetwork } from './train/network';
export { type FacePrediction, predict } from './train/predict';
export type { EpochRow } from './train/results';
export { readRunToResume } from './train/resume';
export { type Run, type RunArgs, RunFolder, type RunMetrics, readRun, readWeights } from './train/run_folder';
export type { Outcome } from './train/session';
export { Trainer, type TrainerOptions } from './train/trainer';
