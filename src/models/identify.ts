import type { ModelName, NetworkName } from './config';

/** A network by the names in its state. */
export interface Identity {
  readonly model: ModelName;
  readonly network: NetworkName;
  readonly classes: number;
}

/** Where each network keeps its class scores: a matrix with a row a class, or a graph of the classes and two more nodes. */
const HEADS: Readonly<Record<string, Omit<Identity, 'classes'>>> = {
  'classifier.weight': { model: 'single_task', network: 'densenet' },
  'lin_cat.weight': { model: 'multi_task', network: 'densenet' },
  '_fc0.weight': { model: 'single_task', network: 'bregnext' },
  'fc_cat.weight': { model: 'multi_task', network: 'bregnext' },
};

/** Which of the six networks a state dict is of, by its names alone; null if of none. */
export function identify(state: ReadonlyMap<string, { readonly shape: readonly number[] }>): Identity | null {
  const graph = state.get('A');
  if (graph) {
    const network = state.has('features.conv0.weight') ? 'densenet' : 'bregnext';
    return { model: 'emotion_gcn', network, classes: (graph.shape[0] ?? 0) - 2 };
  }
  for (const [name, kind] of Object.entries(HEADS)) {
    const head = state.get(name);
    if (head) return { ...kind, classes: head.shape[0] ?? 0 };
  }
  return null;
}

/**
 * A name in a form that the six networks and torchvision share: the backbone of one fits all others on the same
 * network, `features.` or `model_base.` before DenseNet's, `model.` or nothing before BReG-NeXt's.
 */
export const sharedName = (name: string): string =>
  name.replace(/^model_base\./, 'features.').replace(/^model\.(?=_(conv0|model|fc0)\.)/, '');
