// Weights that know faces, to start from: `--pretrained faces`, or TensorFlow.js's files given by hand.
import { createHash } from 'node:crypto';
import { InputError } from '../../base/errors';
import { readFaceApiWeights, readTfjsFile } from '../../data/face_weights';
import { readFaceres } from '../../data/faceres';
import { inFile } from '../../data/files';
import { entryOf } from '../../formats/weights';
import { denseLiteState, mobileNetState, type NetworkName, type StateEntry } from '../../models';
import { FACES } from '../settings/network';

/** Whether `--pretrained` means weights of faces: by their word, or as TensorFlow.js has them. */
export const isFaceWeights = (pretrained: string): boolean => pretrained === FACES || /\.json$/i.test(pretrained);

/**
 * The backbone that `--pretrained` means, by its names in the models.
 * @throws InputError for a file that cannot be used; MachineError where what is installed or was fetched is gone
 */
export function faceWeights(
  pretrained: string,
  network: NetworkName,
): { state: Map<string, StateEntry>; found: string } {
  if (pretrained === FACES && network === 'mobilenet') return faceres(readFaceres(), pretrained);
  if (pretrained === FACES) return faceApi(readFaceApiWeights('face_expression_model'), pretrained);
  const weights = readTfjsFile(pretrained);
  if (weights.has('conv1/convolution/merged_input')) return faceres(weights, pretrained);
  if (weights.has('dense0/conv0/filters')) return faceApi(weights, pretrained);
  const names = [...weights.keys()].slice(0, 3).join(', ') || 'none';
  throw new InputError(
    `${pretrained}: expected the tensors of face-api's expression or landmark network, or of faceres or faceres-deep, found ${names}`,
  );
}

type Tensors = ReturnType<typeof readTfjsFile>;

const faceres = (weights: Tensors, file: string) => ({
  state: asFeatures(
    inFile(file, () => mobileNetState(weights)),
    file,
  ),
  found: "of HSE_FaceRec_tf's MobileNet",
});
const faceApi = (weights: Tensors, file: string) => ({
  state: asFeatures(denseLiteState(weights), file),
  found: 'of a network of face-api',
});

const asFeatures = (state: Map<string, StateEntry>, file: string): Map<string, StateEntry> =>
  new Map(
    [...state].map(([name, { shape, data }]) => {
      const full = `features.${name}`;
      return [full, entryOf({ dtype: 'float32', shape, data }, full, file)];
    }),
  );

/** SHA-256 of their numbers. */
export function hashOfFaceWeights(pretrained: string, network: NetworkName): string {
  const hash = createHash('sha256');
  for (const { data } of faceWeights(pretrained, network).state.values())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}
