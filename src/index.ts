// The library: what a script imports from 'emotion-gcn'. What is not listed here is the program's own business.
export {
  type Adjacency,
  AFFWILD2_CLASSES,
  type AnnotationOptions,
  type AnnotationSet,
  type Annotations,
  type Batch,
  buildAdjacency,
  CLASSES,
  type ClassWeights,
  type CropOptions,
  CropPool,
  CropSet,
  classCounts,
  classesOf,
  classWeights,
  type Dataset,
  decodeImage,
  EIGHT_CLASSES,
  type FacePose,
  ImageError,
  Loader,
  type LoaderOptions,
  loadEmbedding,
  type NamedTensor,
  NODES,
  nodesOf,
  normalisationTable,
  prepareFace,
  randomEmbedding,
  readAdjacency,
  readAnnotations,
  readPicture,
  readTensorFile,
  type Sample,
  type Sampler,
  Samples,
  type Split,
  type SyntheticOptions,
  splitSamples,
  toTensor,
} from './data';
export { openFaceFinder } from './data/found_face';
export { writeSyntheticSet } from './data/synthetic/synthetic';
export { type Frame, type FrameOptions, framesOf } from './data/video';
export { listAdapters } from './device/node';
export * from './engine_node';
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
export {
  type ExplainedFace,
  type ExplainSettings,
  type Explanation,
  explain,
  type FaceExplanation,
  type FaceMap,
  type Leaning,
  leaning,
} from './train/explain/explain';
export type { Neighbour } from './train/explain/validation_faces';
export { type ExportFormat, exportRun } from './train/export';
export type { StepEvent, TrainHooks } from './train/loop/events';
export type { Outcome } from './train/loop/session';
export { Trainer, type TrainerOptions } from './train/loop/trainer';
export { type EvaluateSettings, evaluate } from './train/measures/evaluate';
export type { FacePrediction, Faces } from './train/measures/face_prediction';
export {
  accuracy,
  type ClassScores,
  classScores,
  computeMetrics,
  confusionMatrix,
  type Metrics,
  macroF1,
  type Predictions,
  rmse,
} from './train/measures/metrics';
export { type LookedAt, type PredictSettings, predict } from './train/measures/predict';
export { expressionNetwork } from './train/run/expression_network';
export { openNetwork } from './train/run/network';
export { type Run, type RunArgs, type RunMetrics, readRun, readWeights } from './train/run/read_run';
export { readRunToRepeat } from './train/run/repeat';
export type { EpochRow } from './train/run/results';
export { readRunToResume } from './train/run/resume';
export { readTrainArgs, type TrainArgs } from './train/settings/args';
export { checkInputs } from './train/settings/places';
export { type RateArgs, rateFactor } from './train/settings/rate';
