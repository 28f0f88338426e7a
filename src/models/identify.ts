import { type ModelName, NETWORKS, type NetworkName } from './config';

/** A network by the names in its state. */
export interface Identity {
  readonly model: ModelName;
  readonly network: NetworkName;
  readonly classes: number;
}

/** A tensor that no other network's backbone has, by its `sharedName`. */
const BACKBONES: Readonly<Record<NetworkName, string>> = {
  densenet: 'features.conv0.weight',
  bregnext: '_conv0.weight',
  denselite: 'features.dense0.conv0.weight',
  mobilenet: 'features.conv1.weight',
};

/** Where the class scores come from: a graph of the classes and two more nodes, or a matrix with a row a class. */
const HEADS: Readonly<Record<string, ModelName>> = {
  A: 'emotion_gcn',
  'classifier.weight': 'single_task',
  '_fc0.weight': 'single_task',
  'lin_cat.weight': 'multi_task',
  'fc_cat.weight': 'multi_task',
};

/** Which model on which network a state dict is of, by its names alone; null if of none. */
export function identify(state: ReadonlyMap<string, { readonly shape: readonly number[] }>): Identity | null {
  const names = new Set([...state.keys()].map(sharedName));
  const network = NETWORKS.find((name) => names.has(BACKBONES[name]));
  const head = Object.keys(HEADS).find((name) => state.has(name));
  if (!network || !head) return null;
  const model = HEADS[head];
  const rows = state.get(head)?.shape[0] ?? 0;
  return { model, network, classes: model === 'emotion_gcn' ? rows - 2 : rows };
}

/**
 * A name in a form that all models and torchvision share: the backbone of one fits all others on the same network,
 * `model.` or nothing before BReG-NeXt's, `features.` before all others' but the original's `model_base.` of one of DenseNet's.
 */
export const sharedName = (name: string): string =>
  name.replace(/^model_base\./, 'features.').replace(/^model\.(?=_(conv0|model|fc0)\.)/, '');
