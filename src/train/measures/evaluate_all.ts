import type { Batch, Loader } from '../../data';
import type { BatchResult, Learner } from '../loop/learner';
import { confidences, likelihoods } from './calibration';
import type { SamplePredictions } from './predictions';

/**
 * Shows a network every sample of a loader, in evaluation mode; `see` is waited for after each batch. Of samples without valence and
 * arousal, only expressions count.
 */
export async function evaluateAll(
  learner: Pick<Learner, 'evaluate'>,
  loader: Loader,
  classes: readonly string[],
  see: (result: BatchResult, batch: Batch) => void | Promise<void>,
): Promise<SamplePredictions> {
  const labels: number[] = [];
  const predicted: number[] = [];
  const rows: number[] = [];
  const [confidence, likelihood]: number[][] = [[], []];
  const va = { truth: [] as number[], predicted: [] as number[] };
  for await (const batch of loader.epoch(0)) {
    const result = await learner.evaluate(batch);
    await see(result, batch);
    rows.push(...batch.rows);
    labels.push(...result.labels);
    predicted.push(...result.predicted);
    confidence.push(...confidences(result.logits, classes.length));
    likelihood.push(...likelihoods(result.logits, classes.length, result.labels));
    if (result.va) {
      va.truth.push(...batch.va);
      va.predicted.push(...result.va);
    }
  }
  const measured = va.truth.some((v) => !Number.isNaN(v));
  return { classes, rows, labels, predicted, confidence, likelihood, va: measured ? va : undefined };
}
