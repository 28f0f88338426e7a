import type { Batch } from '../../data';
import type { BatchResult, Learner } from '../loop/learner';
import { argmaxRows } from './metrics';

/**
 * A network that is asked twice (`--tta flip`): scores, valence and arousal are the means of what it says of a picture and of its mirror
 * image.
 */
export const withMirror = (learner: Pick<Learner, 'evaluate'>, classes: number): Pick<Learner, 'evaluate'> => ({
  async evaluate(batch: Batch): Promise<BatchResult> {
    const mirrored = { ...batch, flip: batch.flip.map((flip) => 1 - flip) };
    const [one, other] = await Promise.all([learner.evaluate(batch), learner.evaluate(mirrored)]);
    const mean = (a: Float32Array, b: Float32Array): Float32Array => a.map((v, i) => (v + b[i]) / 2);
    const logits = mean(one.logits, other.logits);
    return {
      ...one,
      logits,
      predicted: [...argmaxRows(logits, classes)],
      va: one.va && other.va && mean(one.va, other.va),
    };
  },
});
