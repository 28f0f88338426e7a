export {
  ADJ_THRESHOLD,
  type Adjacency,
  buildAdjacency,
  describeWeak,
  encodeAdjacency,
  pickleAdjacency,
  readAdjacency,
  spearman,
} from './adjacency';
export { type AnnotationOptions, type Annotations, layoutOf, readAnnotations } from './annotations';
export { BadItems, checkBad, TooManyBad } from './crops/bad_items';
export { type CropOptions, CropPool } from './crops/crop_pool';
export { CropSet } from './crops/crop_set';
export {
  EMBEDDING_SIZE,
  encodeEmbedding,
  loadEmbedding,
  randomEmbedding,
  torchEmbedding,
} from './embedding';
export { type FacePose, type KnownFace, prepareFace, prepareKnown, prepareWhole } from './face';
export { readGlove } from './glove';
export { decodeImage, headerOf, ImageError, MAX_PIXELS, readPicture } from './image';
export {
  AFFWILD2_CLASSES,
  areClassNames,
  CLASSES,
  classesOf,
  DATASETS,
  type Dataset,
  EIGHT_CLASSES,
  MAX_CLASSES,
  NODES,
  nodesOf,
  numberOfClasses,
} from './labels';
export { readAffWild2 } from './layouts/affwild2';
export { datasetOfPickle, encodeAnnotationPickle, parseAnnotationPickle } from './layouts/annotation_pickle';
export { AFFECTNET_COLUMNS, readAffectNet } from './layouts/csv';
export { folderClasses } from './layouts/folders';
export { type Batch, Loader, type LoaderOptions, SAMPLERS, type Sampler } from './loader';
export { normalisationTable, toTensor } from './normalise';
export { type ListedPicture, type ListSettings, listPictures } from './picture_list';
export { type Affine, applyAffine, rotationAffine } from './rotate';
export { type Sample, SampleColumns, Samples } from './sample_columns';
export {
  AFFECTNET_COUNTS,
  type AnnotationSet,
  absentClasses,
  type BadItem,
  CLASS_WEIGHTS,
  type ClassWeights,
  classCounts,
  classWeights,
  countWithValenceArousal,
  describeAnnotations,
  describeBad,
  hasValenceArousal,
  withValenceArousal,
} from './samples';
export { type Groups, groupsOf, type Split, sharedGroups, splitGroups, splitSamples } from './split';
export { type SyntheticOptions, writeSyntheticSet } from './synthetic/synthetic';
export { writeSyntheticVideos } from './synthetic/synthetic_videos';
export { type NamedTensor, readTensorFile, type TensorFileKind, tensorFileKind } from './tensor_file';
