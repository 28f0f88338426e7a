// The engine in a page: what a page or a Web Worker imports from 'emotion-gcn/browser', and a bundler for pages takes for
// 'emotion-gcn/engine'. It uses no package and nothing of Node.

export { heatColour } from './base/pixels/heat';
export { normalisationTable, toTensor } from './base/pixels/normalise';
export { ImageError } from './base/pixels/rgb_image';
export { fetchFaceWeights } from './browser/face_weights';
export { type Expression, FaceNetwork, type FaceNetworkArgs, loadNetwork, type NetworkFiles } from './browser/network';
export { type PagePicture, pictureOf, rgbOf } from './browser/picture';
export { openDevice } from './device/browser';
export * from './engine';
export { readSafetensors, type SafetensorsFile, type StoredTensor, writeSafetensors } from './formats/safetensors';
export { readTfjsWeights, type TfjsTensor } from './formats/tfjs';
