import { softmax } from '../../base/softmax';
import { changesOf } from '../../data/augment';
import type { Device } from '../../device';
import { Learner } from '../loop/learner';
import type { Run } from '../run/read_run';
import { openRunModel } from './evaluate';
import type { FacePrediction } from './face_prediction';
import { checkScores } from './finite';

/** Most faces that go through a network at once. */
const AT_ONCE = 32;

/** A face that is looked at: size x size x 3 bytes of RGB, and the picture that it is of. */
interface Shown {
  readonly pixels: Uint8Array;
  readonly file: string;
}

/** What a network says of a face. */
export type Said = Pick<FacePrediction, 'expression' | 'probabilities' | 'valence' | 'arousal'>;

/** What the network says of some faces, and what else is asked of them. */
export type Look<More = unknown> = (faces: readonly Shown[]) => Promise<(Said & More)[]>;

/** @throws InputError for a run that cannot be used */
export async function openLearner(device: Device, run: Run): Promise<Learner> {
  const { model, embedding } = await openRunModel(device, run);
  return new Learner(device, model, { embedding, loss: null });
}

/** What the learner's network says. The look throws InputError where it gives what is no number. */
export function lookOf(learner: Learner, run: Run): Look {
  const { image_size: size, classes } = run.args;
  const look = async (faces: readonly Shown[]): Promise<Said[]> => {
    const n = faces.length;
    const rows = new Uint32Array(n);
    const result = await learner.evaluate({
      images: Uint8Array.from(Buffer.concat(faces.map((face) => face.pixels))),
      ...changesOf(null, rows, size, { seed: 0, epoch: 0, step: 0 }),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows,
    });
    checkScores(
      run,
      result,
      faces.map((face) => face.file),
    );
    const { logits, predicted, va } = result;
    return faces.map((_, i) => {
      const p = softmax(logits.subarray(i * classes.length, (i + 1) * classes.length));
      return {
        expression: classes[predicted[i]],
        probabilities: Object.fromEntries(classes.map((name, c) => [name, p[c]])),
        valence: va ? va[2 * i] : null,
        arousal: va ? va[2 * i + 1] : null,
      };
    });
  };
  return async (faces) => {
    const said: Said[] = [];
    for (let i = 0; i < faces.length; i += AT_ONCE) said.push(...(await look(faces.slice(i, i + AT_ONCE))));
    return said;
  };
}
