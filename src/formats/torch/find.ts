// What programs lay into one file of torch.save: the weights somewhere, averages of them, optimizers.
import { isList, type PickleValue } from '../pickle/values';
import { hasNetwork, LIKELY } from '../state_dict';
import { TorchTensor } from './tensor';

type Dict = Map<PickleValue, PickleValue>;

/** A state dict, and the keys that lead to it. */
export interface FoundState {
  readonly path: readonly string[];
  readonly state: Dict;
}

/** Keys that are followed, one below the other. */
const MAX_DEPTH = 3;

/**
 * The state dicts in what a file holds: dicts of tensors by name; those that hold one of our networks alone, if any does. An
 * optimizer's state is none.
 */
export function findStates(value: Dict): FoundState[] {
  const found: FoundState[] = [];
  const look = (dict: Dict, path: readonly string[]): void => {
    if (dict.has('param_groups')) return;
    const inner = [...dict].filter((entry): entry is [string, Dict] => isString(entry[0]) && entry[1] instanceof Map);
    if (isState(dict) && inner.length === 0) found.push({ path, state: dict });
    else if (path.length < MAX_DEPTH) for (const [key, d] of inner) look(d, [...path, key]);
  };
  look(value, []);
  const named = found.filter(({ path, state }) => path.length === 0 || LIKELY.includes(path[0]) || hasDots(state));
  const ours = named.filter(({ state }) => hasNetwork([...state.keys()].filter(isString)));
  return ours.length > 0 ? ours : named;
}

/** The optimizer's state: under the original's key, or the only one. */
export function findOptimizer(value: Dict): PickleValue | undefined {
  const known = value.get('optimizer_state_dict');
  if (known !== undefined) return known;
  const all = [...value.values()].flatMap((v) => (isList(v) ? v : [v]));
  const optimizers = all.filter((v) => v instanceof Map && v.has('param_groups'));
  return optimizers.length === 1 ? optimizers[0] : undefined;
}

const isString = (key: PickleValue): key is string => typeof key === 'string';
const isState = (dict: Dict): boolean => [...dict.values()].some((entry) => entry instanceof TorchTensor);
const hasDots = (dict: Dict): boolean => [...dict.keys()].some((key) => isString(key) && key.includes('.'));
