// Which trained network a command takes.
import type { Dataset } from '../../data/labels';
import { DATA } from './data';
import { NETWORK } from './network';
import { RUN } from './run';
import { orNone, type Settings } from './settings';

/** Which trained network `evaluate` and `predict` take; see `openNetwork`. */
export interface NetworkSettings {
  /** Folder of a run. */
  saved_model: string | null;
  /** Weights, `.pth` or safetensors: of a network trained elsewhere, or in place of the run's. */
  checkpoint: string | null;
  /** What a file of weights alone does not tell: word vectors, input size, names of the classes. */
  emb: string | null;
  image_size: number | null;
  dataset: Dataset | null;
  classes: readonly string[] | null;
}

/** The flags by which `evaluate` and `predict` find their network. */
export const NETWORK_SETTINGS: Settings<NetworkSettings> = {
  saved_model: {
    kind: orNone(RUN.saved_model.kind),
    default: null,
    help: 'folder of the run; its best weights are taken unless --checkpoint is given',
  },
  checkpoint: {
    ...NETWORK.checkpoint,
    help: "weights to take, .pth (the original's too) or safetensors; without --saved_model: which network it is follows from its names",
  },
  emb: {
    ...NETWORK.emb,
    help:
      'of --checkpoint, without --saved_model: the word vectors that emotion_gcn was trained with: safetensors (emb.safetensors of its run), ' +
      "the original's emb.pkl, GloVe text, glove100, or random",
  },
  image_size: {
    kind: NETWORK.image_size.kind,
    default: null,
    help: 'of --checkpoint, without --saved_model: input size; default: as the file tells, else 227 for affectnet on densenet, 224 on mobilenet, else 112',
  },
  dataset: {
    kind: orNone(DATA.dataset.kind),
    default: null,
    help: 'of --checkpoint, without --saved_model: the classes it tells apart; default: affectnet',
  },
  classes: {
    kind: DATA.classes.kind,
    default: null,
    help: "of --checkpoint, without --saved_model: the names of its classes in order, where the file does not tell them and they are not the data set's",
  },
};
