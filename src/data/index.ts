export { normalisationTable, toTensor } from '../base/pixels/normalise';
export {
  type Adjacency,
  buildAdjacency,
  describeWeak,
  encodeAdjacency,
  pickleAdjacency,
  readAdjacency,
} from './adjacency';
export { type AnnotationOptions, type Annotations, layoutOf, readAnnotations } from './annotations';
export { checkBad, TooManyBad } from './crops/bad_items';
export { type CropOptions, CropPool } from './crops/crop_pool';
export { CropSet } from './crops/crop_set';
export {
  EMBEDDING_SIZE,
  encodeEmbedding,
  loadEmbedding,
  randomEmbedding,
  torchEmbedding,
} from './embedding';
export { type FacePose, prepareFace, prepareKnown, prepareWhole } from './face';
export { readGlove } from './glove';
export {
  decodeImage,
  decodeToFind,
  ENOUGH_TO_FIND,
  headerOf,
  ImageError,
  MAX_PIXELS,
  readPicture,
  type SmallerImage,
} from './image';
export {
  AFFWILD2_CLASSES,
  CLASSES,
  classesOf,
  type Dataset,
  EIGHT_CLASSES,
  NODES,
  nodesOf,
} from './labels';
export { readAffWild2 } from './layouts/affwild2';
export { datasetOfPickle, encodeAnnotationPickle, parseAnnotationPickle } from './layouts/annotation_pickle';
export { AFFECTNET_COLUMNS, readAffectNet } from './layouts/csv';
export { folderClasses } from './layouts/folders';
export {
  type BadPicture,
  type Batch,
  type FaceSource,
  type Loaded,
  Loader,
  type LoaderOptions,
  type Sampler,
} from './loader';
export { isVideo, type ListedPicture, type ListSettings, listPictures } from './picture_list';
export { rotationAffine } from './rotate';
export { type Sample, SampleColumns, Samples } from './sample_columns';
export {
  AFFECTNET_COUNTS,
  type AnnotationSet,
  absentClasses,
  type BadItem,
  type ClassWeights,
  classCounts,
  classWeights,
  countWithValenceArousal,
  describeAnnotations,
  describeBad,
  hasValenceArousal,
  withValenceArousal,
} from './samples';
export { groupsOf, type Split, sharedGroups, splitGroups, splitSamples } from './split';
export { type SyntheticOptions, writeSyntheticSet } from './synthetic/synthetic';
export { writeSyntheticVideos } from './synthetic/synthetic_videos';
export { type NamedTensor, readTensorFile, tensorFileKind } from './tensor_file';
