// Which trained network a command is about: a run's, or one whose weights came in a file of their own.
import { dirname, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { classesOf, loadEmbedding, nodesOf } from '../../data';
import { toldNetwork } from '../../formats/network_metadata';
import { identify } from '../../models';
import { readTrainArgs } from '../settings/args';
import { checkFile } from '../settings/places';
import type { NetworkSettings } from '../settings/trained_network';
import { FORMAT_VERSION } from './format';
import { type Run, readRun } from './read_run';
import { readWeightsFile, type WeightsFile } from './weights_file';

/**
 * The run of `--saved_model`; with `--checkpoint` its weights are those of that file; `--checkpoint` alone gives a run that
 * was never here, in the file's folder, with the classes and input size that the file's metadata tell where the settings do not.
 * @param say is told where a file had its weights, if under a key or names of its own
 * @throws InputError for a run or file that cannot be used, or when neither is given
 * @example
 * const given = { checkpoint: 'run1/weights/best.safetensors', emb: null, image_size: 32, dataset: null, classes: null };
 * (await openNetwork({ saved_model: null, ...given })).args.network; // 'denselite'
 */
export async function openNetwork(settings: NetworkSettings, say: (line: string) => void = () => {}): Promise<Run> {
  const { saved_model, checkpoint, emb, dataset } = settings;
  if (saved_model !== null) {
    const needless = Object.entries({ emb, image_size: settings.image_size, dataset, classes: settings.classes }).find(
      ([, value]) => value !== null,
    );
    if (needless)
      throw new InputError(`--${needless[0]} ${needless[1]}: the run in --saved_model has its own; leave it out`);
    const run = readRun(saved_model);
    if (checkpoint === null) return run;
    return { ...run, given: { file: checkpoint, state: (await readState(checkpoint, say)).state, embedding: null } };
  }
  if (checkpoint === null) throw new InputError('missing: --saved_model DIR, or --checkpoint FILE');
  const { state, metadata } = await readState(checkpoint, say);
  const identity = identify(state);
  if (!identity) {
    const names = [...state.keys()].slice(0, 3).join(', ');
    throw new InputError(`${checkpoint}: expected the weights of one of our networks, found ${names}, …`);
  }
  const dir = dirname(resolve(checkpoint));
  const { model, network, classes: number } = identity;
  const told = toldNetwork(metadata, identity, checkpoint);
  const named = settings.classes ?? told.classes;
  // Others than those it was trained with would give wrong answers, so none are chosen for it.
  if (model === 'emotion_gcn' && emb === null)
    throw new InputError(
      `missing: --emb FILE, the word vectors that ${checkpoint} was trained with (emb.safetensors of its run, the original's emb.pkl, ` +
        "GloVe's text, glove100, or random)",
    );
  if (named && named.length !== number)
    throw new InputError(`${checkpoint}: expected the names of its ${number} classes as --classes, found ${named}`);
  const of = { dataset: dataset ?? 'affectnet' };
  if (!named && ![7, of.dataset === 'affectnet' ? 8 : 7].includes(number))
    throw new InputError(
      `${checkpoint}: has ${number} classes, none of ${of.dataset}'s; give their names with --classes, in order`,
    );
  const classes = named ?? classesOf({ ...of, num_classes: number });
  const args = readTrainArgs({
    image_dir: dir,
    data: dir,
    saved_model: dir,
    model,
    network,
    ...of,
    classes,
    image_size: settings.image_size ?? told.image_size,
    emb,
  });
  const embedding = emb !== null && model === 'emotion_gcn' ? await loadEmbedding(emb, nodesOf(classes)) : null;
  return {
    dir,
    args: { format_version: FORMAT_VERSION, ...args, kernels: {} },
    rows: [],
    metrics: null,
    given: { file: checkpoint, state, embedding },
  };
}

async function readState(file: string, say: (line: string) => void): Promise<WeightsFile> {
  checkFile('checkpoint', file);
  const weights = await readWeightsFile(file);
  if (weights.found) say(`${file}: weights ${weights.found}`);
  return weights;
}
