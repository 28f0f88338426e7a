// Where the weights are in what other programs save: under which key of the file, behind which prefix of the names.
import { InputError } from '../base/errors';

/** Keys and prefixes that programs keep a network under, the likeliest first. */
export const LIKELY = [
  'model_state_dict',
  'state_dict',
  'model',
  'net',
  'network',
  'module',
  'model_state',
  'weights',
  'params',
];

/** Weights that are an average over steps, kept beside those that learn. */
const AVERAGE = /(^|_)(ema|swa|avg|averaged?|shadow)(_|\d*$)/;

/** What PyTorch's wrappers put into names: DataParallel, torch.compile, FSDP, activation checkpoints. */
const WRAPPERS = ['module', '_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'];

/** Beside the averages of torch.optim.swa_utils: how many states went in. */
const COUNT = 'n_averaged';

/** A weight that each network has once: what stands before is the path to the network. */
const FIRST =
  /^(|.+\.)(?:features\.conv0|model_base\.conv0|_model\.0\._layer_stack\.0\._conv0|features\.dense0\.conv0|features\.conv_dw_1)\.weight$/;

/**
 * Of several places the one that is meant: by the order of `LIKELY`, then what has another name, then averages.
 * @param places each the keys, or parts of a name, that lead there; `[]` leads nowhere else and is always meant
 * @returns its index, or null if there is none or two are equally likely
 */
export function likeliest(places: readonly (readonly string[])[]): number | null {
  const ranks = places.map((place) => {
    if (place.length === 0) return -1;
    if (place.some((part) => AVERAGE.test(part))) return LIKELY.length + 1;
    const known = LIKELY.indexOf(place[0]);
    return known < 0 ? LIKELY.length : known;
  });
  const least = Math.min(...ranks);
  return ranks.filter((rank) => rank === least).length !== 1 ? null : ranks.indexOf(least);
}

/** A state dict by the network's own names. */
export interface PlainState<T> {
  readonly state: Map<string, T>;
  /** What stood in the file's names beyond those, such as `module.`. */
  readonly removed: readonly string[];
  /** Of what else was there the prefixes, and names without. */
  readonly left: readonly string[];
}

/**
 * A state dict under the names that our networks have: without what wrappers put into them (wherever it stands) and what
 * stands before the network's first weight; and as torchvision has them today: `denselayer1.norm.1.weight` of its first files
 * is `denselayer1.norm1.weight`. What is not the network's is left out. Names of other networks stay as they are but for
 * the wrappers.
 * @throws InputError naming the file and the prefixes where it holds several networks, none likelier than the others
 */
export function plainNames<T>(given: ReadonlyMap<string, T>, file: string): PlainState<T> {
  const unwrapped = new Map([...given].map(([name, entry]) => [unwrap(name), entry]));
  // Where two names would become one, the parts belong to the names.
  const state = unwrapped.size < given.size ? given : unwrapped;
  const wrappers = state === given ? [] : WRAPPERS.filter((part) => [...given.keys()].some((name) => has(name, part)));
  const prefixes = prefixesIn(state);
  const meant = likeliest(prefixes.map((prefix) => prefix.split('.').slice(0, -1)));
  if (meant === null && prefixes.length > 0) {
    throw new InputError(
      `${file}: expected the weights of one network, found several: names with ${prefixes.join(', ')}; save the one that is meant`,
    );
  }
  const prefix = meant === null ? '' : prefixes[meant];
  const isOwn = (name: string): boolean => name.startsWith(prefix) && name !== COUNT;
  const own = [...state].filter(([name]) => isOwn(name));
  const others = [...state.keys()].filter((name) => !isOwn(name));
  return {
    state: new Map(own.map(([name, entry]) => [modernName(name.slice(prefix.length)), entry])),
    removed: [...wrappers.map((part) => `${part}.`), ...(prefix === '' ? [] : [prefix])],
    left: [...new Set(others.map((name) => name.replace(/\..*/, '.')))],
  };
}

/** Whether one of our networks is among these names. */
export const hasNetwork = (names: readonly string[]): boolean => names.some((name) => FIRST.test(unwrap(name)));

const has = (name: string, part: string): boolean => name.split('.').includes(part);
const unwrap = (name: string): string =>
  name
    .split('.')
    .filter((part) => !WRAPPERS.includes(part))
    .join('.');

/** What stands before the networks of a state dict. BReG-NeXt's own names may begin with `model.`, beside the head's. */
function prefixesIn(state: ReadonlyMap<string, unknown>): string[] {
  const prefixes = [...state.keys()].flatMap((name) => {
    const prefix = FIRST.exec(name)?.[1];
    if (prefix === undefined) return [];
    const outer = /^(|.*\.)model\.$/.exec(prefix)?.[1];
    const heads = ['A', 'fc_cat.weight'].map((head) => `${outer}${head}`);
    return [outer !== undefined && heads.some((head) => state.has(head)) ? outer : prefix];
  });
  return [...new Set(prefixes)];
}

const modernName = (name: string): string =>
  name.replace(
    /(\.denselayer\d+\.(?:norm|conv))\.([12]\.(?:weight|bias|running_mean|running_var|num_batches_tracked))$/,
    '$1$2',
  );

/** Where weights were found, in words; null where that goes without saying. */
export function saying(path: readonly string[], removed: readonly string[], left: readonly string[]): string | null {
  const list = (names: readonly string[]): string =>
    names.slice(0, 6).join(', ') + (names.length > 6 ? ` and ${names.length - 6} more` : '');
  const parts = [
    ...(path.length > 0 && path.join('.') !== 'model_state_dict' ? [`under ${path.join('.')}`] : []),
    ...(removed.length > 0 ? [`names without ${list(removed)}`] : []),
    ...(left.length > 0 ? [`not taken: ${list(left)}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : null;
}
