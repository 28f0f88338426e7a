// What a new run starts from, other than random weights: a pretrained backbone, or a checkpoint to go on with.
import type { Optimizer } from '../../autograd';
import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import { fetchFaceres } from '../../data/faceres';
import type { SavedOptimizer } from '../../formats/torch';
import { type EmotionModel, identify, type NetworkName, type StateEntry, sharedName } from '../../models';
import { newProgress, type Progress } from '../run/checkpoint';
import { faceWeights, isFaceWeights } from '../run/face_weights';
import { readWeightsFile, type WeightsFile } from '../run/weights_file';
import type { TrainArgs } from '../settings/args';
import { FACES } from '../settings/network';

/**
 * Gives a new model the weights that `--pretrained` or `--checkpoint` name, and the optimizer its state; says what was taken.
 * @returns where the run stands: at its beginning, or after the checkpoint's epoch
 * @throws InputError for a file that cannot be used
 */
export async function startFrom(
  args: TrainArgs,
  model: EmotionModel,
  optimizer: Optimizer,
  notice: (line: string) => void,
): Promise<Progress> {
  if (args.checkpoint) return goOn(args, args.checkpoint, model, optimizer, notice);
  if (args.pretrained) await takePretrained(args.pretrained, args.network, model, notice);
  return newProgress();
}

/**
 * What `--pretrained` names: a file, or the weights of faces, which are fetched where they are not here yet; that is said before.
 * @throws InputError for a file that cannot be used; MachineError for weights that cannot be fetched; the signal's reason
 */
export async function readPretrained(
  pretrained: string,
  network: NetworkName,
  notice: (line: string) => void,
  signal?: AbortSignal,
): Promise<Pick<WeightsFile, 'state' | 'found'>> {
  if (pretrained === FACES && network === 'mobilenet') await fetchFaceres(notice, signal);
  if (isFaceWeights(pretrained)) return faceWeights(pretrained, network);
  return orAborted(readWeightsFile(pretrained), signal);
}

/** Loads what fits of another network's weights: by name (wherever the backbone lies) and shape. */
export async function takePretrained(
  file: string,
  network: NetworkName,
  model: EmotionModel,
  notice: (line: string) => void,
): Promise<void> {
  const { state: given, found: place } = await readPretrained(file, network, notice);
  if (place) notice(`${file}: weights ${place}`);
  const sources = new Map([...given].map(([name, entry]) => [sharedName(name), { name, entry }]));
  const state = await model.stateDict();
  const used = new Set<string>();
  const kept: string[] = [];
  const unfit = new Map<string, string>();
  for (const [name, own] of state) {
    const source = sources.get(sharedName(name));
    // The graph is the run's own: its data set's, or --adj's.
    if (name === 'A') kept.push('A (the run has its own)');
    else if (!source) kept.push(name);
    else if (!fits(source.entry, own))
      unfit.set(source.name, `${source.name} (${size(source.entry)}, wanted ${size(own)})`);
    else {
      state.set(name, source.entry);
      used.add(source.name);
    }
  }
  if (used.size === 0) {
    const found = [...given].slice(0, 3).map(([name, entry]) => `${name} (${size(entry)})`);
    const wanted = [...state.keys()].filter((name) => name !== 'A').slice(0, 3);
    throw new InputError(
      `${file}: no tensor fits: expected names as ${wanted.join(', ')}, found ${found.join(', ')}; is it another network's?`,
    );
  }
  model.loadStateDict(state, file);
  notice(`${file}: ${used.size} of the model's ${state.size} tensors taken`);
  if (unfit.size > 0) notice(`not taken, of another shape: ${list([...unfit.values()])}`);
  const spare = [...given.keys()].filter((name) => !used.has(name) && !unfit.has(name));
  if (spare.length > 0) notice(`not taken, no place for them: ${list(spare)}`);
  if (kept.length > 0) notice(`not in the file, left as initialised: ${list(kept)}`);
}

/** Takes up a run that was begun in PyTorch, after the epoch of its checkpoint. */
async function goOn(
  args: TrainArgs,
  file: string,
  model: EmotionModel,
  optimizer: Optimizer,
  notice: (line: string) => void,
): Promise<Progress> {
  const { state, epoch, optimizer: saved, found } = await readWeightsFile(file);
  if (found) notice(`${file}: weights ${found}`);
  if (epoch === null || !saved) {
    throw new InputError(
      `${file}: expected a checkpoint with epoch, model_state_dict and optimizer_state_dict, found weights alone; start from them by --pretrained`,
    );
  }
  const identity = identify(state);
  if (identity && (identity.model !== args.model || identity.network !== args.network)) {
    throw new InputError(
      `${file}: expected ${args.model} on ${args.network}, found ${identity.model} on ${identity.network}; give --model and --network of the checkpoint`,
    );
  }
  if (epoch + 1 >= args.epochs) {
    throw new InputError(`${file}: ${epoch + 1} epochs are done; give --epochs ${epoch + 2} or more`);
  }
  model.loadStateDict(state, file);
  const from = saved();
  const { kind, decoupled } = from;
  const names = kind === 'sgd' ? ['sgd'] : decoupled === null ? ['adam', 'adamw'] : [decoupled ? 'adamw' : 'adam'];
  if (!names.includes(args.optimizer)) {
    throw new InputError(
      `${file}: expected the state of ${args.optimizer}, found that of ${names.join(' or ')}; give --optimizer ${names.join(' or ')}`,
    );
  }
  const taken = setState(model, optimizer, from, file);
  for (const name of ['momentum', 'betas', 'eps', 'weight_decay'] as const) {
    const before = from.settings[name];
    if (before !== undefined && String(before) !== String(args[name]))
      notice(`--${name} ${args[name]}; the checkpoint had ${before}`);
  }
  const { initial_lr: rate } = from.settings;
  if (rate !== undefined && rate !== args.lr) notice(`--lr ${args.lr}; the checkpoint began with ${rate}`);
  const what = kind === 'sgd' ? 'momentum buffers' : `states of ${args.optimizer}`;
  notice(`${file}: ${state.size} tensors and ${taken} ${what} taken; going on with epoch ${epoch + 2}`);
  return { ...newProgress(), epoch: epoch + 1 };
}

/** @returns how many parameters got a state */
function setState(
  model: EmotionModel,
  optimizer: Optimizer,
  { state, parameters }: SavedOptimizer<StateEntry>,
  file: string,
): number {
  const named = [...model.namedParameters()];
  if (parameters !== named.length) {
    throw new InputError(`${file}: expected an optimizer of ${named.length} parameters, found ${parameters}`);
  }
  let set = 0;
  for (const [place, kept] of state) {
    const [name, parameter] = named[place];
    for (const [key, entry] of Object.entries(kept)) {
      const wanted = key === 'step' ? { shape: [] } : parameter;
      if (!fits(entry, wanted)) {
        throw new InputError(
          `${file}: the ${key} of parameter ${place}, ${name}, is ${size(entry)}, expected ${size(wanted)}`,
        );
      }
    }
    if (!parameter.requiresGrad) continue;
    const data = Object.entries(kept).map(([key, entry]) => [key, Float32Array.from(entry.data, Number)]);
    optimizer.setState(parameter, Object.fromEntries(data));
    set++;
  }
  return set;
}

interface Shaped {
  readonly shape: readonly number[];
}

const fits = (a: Shaped, b: Shaped): boolean =>
  a.shape.join() === b.shape.join() || [a, b].every(({ shape }) => shape.join() === '' || shape.join() === '1');
const size = ({ shape }: Shaped): string => shape.join('x') || 'a number';
const list = (names: readonly string[]): string =>
  names.slice(0, 6).join(', ') + (names.length > 6 ? ` and ${names.length - 6} more` : '');
