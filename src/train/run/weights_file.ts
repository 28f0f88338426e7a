// Weights that come in a file of their own: PyTorch's, or safetensors.

import { InputError } from '../../base/errors';
import { tensorFileKind } from '../../data';
import { readWhole } from '../../data/files';
import { readSafetensors } from '../../formats/safetensors';
import { plainNames, saying } from '../../formats/state_dict';
import { readCheckpoint, type SavedOptimizer, type TorchCheckpoint } from '../../formats/torch';
import { entryOf, stateOf } from '../../formats/weights';
import type { StateEntry } from '../../models';

export interface WeightsFile {
  readonly state: Map<string, StateEntry>;
  /** Under which key or prefix the weights were, and what was left out, in words; null where that goes without saying. */
  readonly found: string | null;
  /** Of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Epoch, from 0, that the weights are of; null where the file does not tell. */
  readonly epoch: number | null;
  /** Reads the optimizer's state, by the parameters' places; throws InputError if it is not one to go on with. null: there is none. */
  readonly optimizer: (() => SavedOptimizer<StateEntry>) | null;
}

/**
 * Reads the weights of a `.pth` (a checkpoint or a bare state dict, zip or legacy) or a safetensors file, told apart by content.
 * @throws InputError naming the file and what is wrong with it
 */
export async function readWeightsFile(file: string): Promise<WeightsFile> {
  const kind = await tensorFileKind(file);
  if (kind === 'safetensors') {
    const { tensors, metadata } = readSafetensors(await readWhole(file), file);
    const { state, removed, left } = plainNames(tensors, file);
    return { state: stateOf(state, file), found: saying([], removed, left), metadata, epoch: null, optimizer: null };
  }
  if (kind !== 'torch') {
    throw new InputError(
      `${file}: expected weights as .pth or safetensors, found neither; of TensorFlow.js's, give --pretrained the .json beside the .bin`,
    );
  }
  const { epoch, state, found, optimizer }: TorchCheckpoint = await readCheckpoint(await readWhole(file), file);
  return {
    epoch,
    found,
    metadata: {},
    state: stateOf(state, file),
    optimizer:
      optimizer &&
      (() => {
        const { state, ...rest } = optimizer();
        const entries = [...state].map(([i, kept]): [number, Record<string, StateEntry>] => [
          i,
          Object.fromEntries(
            Object.entries(kept).map(([name, t]) => [name, entryOf(t, `${name} of parameter ${i}`, file)]),
          ),
        ]);
        return { ...rest, state: new Map(entries) };
      }),
  };
}
