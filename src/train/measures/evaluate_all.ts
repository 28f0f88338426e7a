import type { BatchResult } from '../loop/learner';
import type { SeenBatch } from '../loop/team';
import { confidences, likelihoods } from './calibration';
import type { SamplePredictions } from './predictions';

/**
 * What a network has said of every sample of a set (see `Team.looks`); `see` is waited for after each batch. Of samples without valence
 * and arousal, only expressions count.
 */
export async function evaluateAll(
  looks: AsyncIterable<SeenBatch>,
  classes: readonly string[],
  see: (result: BatchResult, batch: SeenBatch) => void | Promise<void>,
): Promise<SamplePredictions> {
  const labels: number[] = [];
  const predicted: number[] = [];
  const rows: number[] = [];
  const [confidence, likelihood]: number[][] = [[], []];
  const va = { truth: [] as number[], predicted: [] as number[] };
  for await (const batch of looks) {
    const { result } = batch;
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
