// What torch.optim.SGD, Adam and AdamW call their state_dict: {state: {place: {name: tensor}}, param_groups: [settings]}.
import { isList, type PickleValue, PyFloat, tuple } from '../pickle/values';
import type { StoredTensor } from '../safetensors';
import { type Room, TorchTensor } from './tensor';
import type { TensorToWrite } from './write';

/** An optimizer's settings, as a checkpoint has them in its first group of parameters. */
export interface OptimizerSettings {
  lr: number;
  /** Learning rate before any schedule. */
  initial_lr: number;
  weight_decay: number;
  /** SGD's. */
  momentum?: number;
  /** Adam's. */
  betas?: readonly [number, number];
  eps?: number;
}

/** An optimizer's state, of parameters by their place in `parameters()`; those that never had a gradient have none. */
export interface SavedOptimizer<T> {
  /** Adam's state is AdamW's, too: see `decoupled`. */
  kind: 'sgd' | 'adam';
  /** Whether Adam's weight decay is decoupled (AdamW); null: the file does not tell, as none from before PyTorch 2.6 does. */
  decoupled: boolean | null;
  /** How many parameters there are. */
  parameters: number;
  /** `momentum` of SGD; `step` (a number), `exp_avg` and `exp_avg_sq` of Adam. */
  state: Map<number, Record<string, T>>;
  settings: Partial<OptimizerSettings>;
}

/** What is kept of a parameter: our name and PyTorch's. */
const KEPT = {
  sgd: { momentum: 'momentum_buffer' },
  adam: { step: 'step', exp_avg: 'exp_avg', exp_avg_sq: 'exp_avg_sq' },
} as const;

/** Options that change the rule, with the value at which they do not. */
const PLAIN = {
  sgd: { dampening: 0, nesterov: false, maximize: false },
  adam: { amsgrad: false, maximize: false },
} as const;

type Fail = (expected: string, found: PickleValue | undefined) => never;

/** Reads a state_dict. Places are those of `params`; PyTorch before 1.5 numbered parameters by their address. */
export function readOptimizer(value: PickleValue, room: Room, fail: Fail): SavedOptimizer<StoredTensor> {
  const [groups, states] = value instanceof Map ? [value.get('param_groups'), value.get('state')] : [];
  if (!groups || !isList(groups) || !(states instanceof Map)) {
    return fail('an optimizer_state_dict with param_groups and state', value);
  }
  const places = new Map<PickleValue, number>();
  const all = groups.map((group) => {
    const params = group instanceof Map ? group.get('params') : undefined;
    if (!(group instanceof Map) || !params || !isList(params)) return fail('params in each of param_groups', group);
    for (const parameter of params) places.set(parameter, places.size);
    return group;
  });
  const kind = kindOf(all, fail);
  for (const group of all)
    for (const [name, plain] of Object.entries(PLAIN[kind])) {
      const found = group.get(name) ?? plain;
      if (Number(found) !== Number(plain)) return fail(`an optimizer without ${name} (training knows none)`, found);
    }
  const state = new Map<number, Record<string, StoredTensor>>();
  for (const [key, entry] of states) {
    const place = places.get(key);
    if (place === undefined) return fail("one of param_groups' params as a key of the optimizer's state", key);
    if (!(entry instanceof Map)) return fail(`a dict as the state of parameter ${place}`, entry);
    // SGD without momentum says None.
    if (kind === 'sgd' && (entry.get('momentum_buffer') ?? null) === null) continue;
    const kept = Object.entries(KEPT[kind]).map(([name, theirs]) => {
      const found = entry.get(theirs);
      if (found instanceof TorchTensor) return [name, found.read(room)] as const;
      // Before PyTorch 1.12 step was an int.
      if (name === 'step' && typeof found === 'number') return [name, numberTensor(found)] as const;
      return fail(`the ${theirs} of parameter ${place}`, found);
    });
    state.set(place, Object.fromEntries(kept));
  }
  const decoupled = all[0]?.get('decoupled_weight_decay');
  return {
    kind,
    decoupled: kind === 'adam' && typeof decoupled === 'boolean' ? decoupled : null,
    parameters: places.size,
    state,
    settings: settingsOf(all[0] ?? new Map()),
  };
}

/** By what PyTorch's optimizers say of themselves: others have some of these names, none has them all. */
function kindOf(groups: readonly Map<PickleValue, PickleValue>[], fail: Fail): SavedOptimizer<unknown>['kind'] {
  const has = (...names: string[]): boolean => groups.every((group) => names.every((name) => group.has(name)));
  if (has('momentum', 'dampening')) return 'sgd';
  if (has('betas', 'eps', 'amsgrad') && !has('momentum_decay')) return 'adam';
  const names = [...(groups[0]?.keys() ?? [])].filter((name) => name !== 'params').map(String);
  return fail(
    `the settings of SGD, Adam or AdamW in param_groups (training goes on with these alone)`,
    names.length > 0 ? names.join(', ') : undefined,
  );
}

function settingsOf(group: ReadonlyMap<PickleValue, PickleValue>): Partial<OptimizerSettings> {
  const settings: Partial<OptimizerSettings> = {};
  for (const name of ['lr', 'initial_lr', 'weight_decay', 'momentum', 'eps'] as const) {
    const number = group.get(name);
    if (typeof number === 'number') settings[name] = number;
  }
  const betas = group.get('betas');
  if (Array.isArray(betas) && betas.length === 2 && betas.every((b) => typeof b === 'number'))
    settings.betas = [betas[0], betas[1]];
  return settings;
}

/** A state_dict that PyTorch loads. */
export function writeOptimizer(
  { kind, decoupled, parameters, settings, state }: SavedOptimizer<TensorToWrite> & { settings: OptimizerSettings },
  tensor: (t: TensorToWrite) => PickleValue,
): PickleValue {
  const float = (v: number | undefined): PickleValue =>
    v === undefined ? null : Number.isInteger(v) ? new PyFloat(v) : v;
  const own: [string, PickleValue][] =
    kind === 'sgd'
      ? [
          ['momentum', settings.momentum ?? 0],
          ['dampening', 0],
          ['weight_decay', settings.weight_decay],
          ['nesterov', false],
        ]
      : [
          ['betas', tuple(...(settings.betas ?? [0.9, 0.999]).map(float))],
          ['eps', settings.eps ?? 1e-8],
          ['weight_decay', settings.weight_decay],
          ['amsgrad', false],
          ...(decoupled === null ? [] : [['decoupled_weight_decay', decoupled] as [string, PickleValue]]),
        ];
  const group = new Map<PickleValue, PickleValue>([
    ['lr', settings.lr],
    ...own,
    ['initial_lr', settings.initial_lr],
    ['params', Array.from({ length: parameters }, (_, i) => i)],
  ]);
  const kept = [...state].map(([place, entry]): [PickleValue, PickleValue] => {
    const names = Object.entries(KEPT[kind]).filter(([name]) => name in entry);
    return [place, new Map<PickleValue, PickleValue>(names.map(([name, theirs]) => [theirs, tensor(entry[name])]))];
  });
  return new Map<PickleValue, PickleValue>([
    ['state', new Map(kept)],
    ['param_groups', [group]],
  ]);
}

const numberTensor = (value: number): StoredTensor => ({ dtype: 'F32', shape: [], data: Float32Array.of(value) });
