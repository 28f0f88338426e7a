// Which trained network a command is about: a run's, or one whose weights came in a file of their own.
import { dirname, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { classesOf, loadEmbedding, nodesOf } from '../../data';
import { identify } from '../../models';
import { checkFile, type NetworkSettings, readTrainArgs } from '../settings/args';
import { type Run, readRun } from './run_folder';
import { readWeightsFile } from './weights_file';

/**
 * The run of `--saved_model`; with `--checkpoint` its weights are those of that file; `--checkpoint` alone gives a run that
 * was never here, in the file's folder.
 * @throws InputError for a run or file that cannot be used, or when neither is given
 */
export async function openNetwork(settings: NetworkSettings): Promise<Run> {
  const { saved_model, checkpoint, emb, image_size, dataset } = settings;
  if (saved_model !== null) {
    const needless = Object.entries({ emb, image_size, dataset }).find(([, value]) => value !== null);
    if (needless)
      throw new InputError(`--${needless[0]} ${needless[1]}: the run in --saved_model has its own; leave it out`);
    const run = readRun(saved_model);
    if (checkpoint === null) return run;
    checkFile('checkpoint', checkpoint);
    return { ...run, given: { file: checkpoint, state: (await readWeightsFile(checkpoint)).state, embedding: null } };
  }
  if (checkpoint === null) throw new InputError('missing: --saved_model DIR, or --checkpoint FILE');
  checkFile('checkpoint', checkpoint);
  const { state } = await readWeightsFile(checkpoint);
  const identity = identify(state);
  if (!identity) {
    const names = [...state.keys()].slice(0, 3).join(', ');
    throw new InputError(`${checkpoint}: expected the weights of one of the six networks, found ${names}, …`);
  }
  const dir = dirname(resolve(checkpoint));
  const { model, network, classes: num_classes } = identity;
  const of = { dataset: dataset ?? 'affectnet', num_classes };
  const classes = [...classesOf(of)];
  const args = readTrainArgs({ image_dir: dir, data: dir, saved_model: dir, model, network, ...of, image_size });
  const embedding = model === 'emotion_gcn' ? await loadEmbedding(emb ?? undefined, nodesOf(classes)) : null;
  return {
    dir,
    args: { ...args, classes, kernels: {} },
    rows: [],
    metrics: null,
    given: { file: checkpoint, state, embedding },
  };
}
