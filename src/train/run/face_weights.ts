// The weights that `--pretrained faces` starts from.
import { createHash } from 'node:crypto';
import { readFaceApiWeights } from '../../data/face_weights';
import { denseLiteState, type StateEntry } from '../../models';

/** The backbone of denselite as face-api's expression network has it, by its names in the models. */
export const faceWeights = (): Map<string, StateEntry> =>
  new Map(
    [...denseLiteState(readFaceApiWeights('face_expression_model'))].map(([name, entry]) => [
      `features.${name}`,
      entry,
    ]),
  );

/** SHA-256 of their numbers. */
export function hashOfFaceWeights(): string {
  const hash = createHash('sha256');
  for (const { data } of faceWeights().values())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}
