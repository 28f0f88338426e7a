// What a trained network is written from: the files of its run.
import { join } from 'node:path';
import { loadEmbedding, nodesOf } from '../../data';
import type { SavedOptimizer } from '../../formats/torch';
import { stateOf } from '../../formats/weights';
import type { StateEntry } from '../../models';
import { optimizerStateOf, progressOf } from '../run/checkpoint';
import { type Run, type RunArgs, readWeights } from '../run/read_run';

export interface ExportSource {
  readonly args: RunArgs;
  readonly state: Map<string, StateEntry>;
  /** The last epoch, from 0, that the weights have seen. */
  readonly epoch: number;
  /** Learning rate of that epoch. */
  readonly rate: number;
  /** Word vectors of the label graph's nodes, for emotion_gcn. */
  readonly embedding: Float32Array | null;
  /** What the optimizer keeps of parameters, by their places; the best weights are kept without. */
  readonly optimizer: Pick<SavedOptimizer<StateEntry>, 'parameters' | 'state'> | null;
}

/**
 * Reads a run's best weights, or its last with the optimizer's state.
 * @param say is told where another checkpoint was taken than the last
 * @throws InputError if they are not there or damaged
 */
export async function readExportSource(
  run: Run,
  weights: 'best' | 'last',
  say: (line: string) => void,
): Promise<ExportSource> {
  const { tensors, metadata, file } = readWeights(run, weights, say);
  const gcn = run.args.model === 'emotion_gcn';
  const embedding = gcn ? await loadEmbedding(join(run.dir, 'emb.safetensors'), nodesOf(run.args.classes)) : null;
  const state = stateOf(tensors, file);
  const done = weights === 'best' ? (run.metrics?.best_epoch ?? 1) : Math.max(1, progressOf(metadata, file).epoch);
  return {
    args: run.args,
    state,
    epoch: done - 1,
    rate: run.rows.find(({ epoch }) => epoch === done)?.lr ?? run.args.lr,
    embedding,
    optimizer: weights === 'last' ? places(state, optimizerStateOf(tensors, file)) : null,
  };
}

/** PyTorch numbers parameters in the order of the state dict, in which buffers lie between them. */
function places(
  state: ReadonlyMap<string, StateEntry>,
  kept: ReadonlyMap<string, Readonly<Record<string, StateEntry>>>,
): ExportSource['optimizer'] {
  const names = [...state.keys()].filter((name) => !/\.(running_mean|running_var|num_batches_tracked)$/.test(name));
  const placed = names.flatMap((name, i) => {
    const entry = kept.get(name);
    return entry ? [[i, entry] as const] : [];
  });
  return { parameters: names.length, state: new Map(placed) };
}
