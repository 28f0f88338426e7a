// The network that answers where nobody has trained one.
import { CLASSES } from '../../data';
import { readFaceApiWeights } from '../../data/face_weights';
import { expressionState } from '../../models/face_api';
import { readTrainArgs } from '../settings/args';
import { FORMAT_VERSION } from './format';
import type { Run } from './read_run';

/**
 * face-api's expression network as a run that was never here: `single_task` on `denselite`, AffectNet's seven classes, no valence and
 * arousal. Of 224 photographs, each a face that fills the frame, it is right on 58 % as they are, on 61 % found, levelled and cut
 * (standard error 3 %), by face-api's own program on 53 %.
 * @throws MachineError where its file is missing
 * @example
 * expressionNetwork().args.classes.length; // 7
 */
export function expressionNetwork(): Run {
  const state = expressionState(readFaceApiWeights('face_expression_model'));
  const args = readTrainArgs({
    ...{ image_dir: '.', data: '.', saved_model: '.' },
    ...{ model: 'single_task', network: 'denselite', classes: CLASSES, image_size: 112, align: 'open' },
  });
  return {
    dir: '.',
    args: { format_version: FORMAT_VERSION, ...args, kernels: {} },
    rows: [],
    metrics: null,
    given: { file: '@vladmandic/face-api/model/face_expression_model', state, embedding: null },
  };
}
