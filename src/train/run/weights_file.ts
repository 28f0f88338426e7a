// Weights that come in a file of their own: PyTorch's, or safetensors.

import { InputError } from '../../base/errors';
import { readTensorFile, tensorFileKind } from '../../data';
import { readWhole } from '../../data/files';
import { plainNames, saying } from '../../formats/state_dict';
import { readCheckpoint, type SgdState, type TorchCheckpoint } from '../../formats/torch';
import type { StateEntry } from '../../models';
import { stateOf } from './checkpoint';
import { entryOf } from './entry';

export interface WeightsFile {
  readonly state: Map<string, StateEntry>;
  /** Under which key or prefix the weights were, and what was left out, in words; null where that goes without saying. */
  readonly found: string | null;
  /** Epoch, from 0, that the weights are of; null where the file does not tell. */
  readonly epoch: number | null;
  /** Reads SGD's state, by the parameters' places; throws InputError if it is another optimizer's. null: there is none. */
  readonly optimizer: (() => SgdState<StateEntry>) | null;
}

/**
 * Reads the weights of a `.pth` (a checkpoint or a bare state dict, zip or legacy) or a safetensors file, told apart by content.
 * @throws InputError naming the file and what is wrong with it
 */
export async function readWeightsFile(file: string): Promise<WeightsFile> {
  const kind = await tensorFileKind(file);
  if (kind === 'safetensors') {
    const { state, removed, left } = plainNames(await readTensorFile(file), file);
    return { state: stateOf(state, file), found: saying([], removed, left), epoch: null, optimizer: null };
  }
  if (kind !== 'torch') throw new InputError(`${file}: expected weights as .pth or safetensors, found neither`);
  const { epoch, state, found, optimizer }: TorchCheckpoint = await readCheckpoint(await readWhole(file), file);
  return {
    epoch,
    found,
    state: stateOf(state, file),
    optimizer:
      optimizer &&
      (() => {
        const { momentum, ...rest } = optimizer();
        const entries = [...momentum].map(([i, t]) => [i, entryOf(t, `momentum of parameter ${i}`, file)] as const);
        return { ...rest, momentum: new Map(entries) };
      }),
  };
}
