import type { BatchResult } from './learner';

/** What has been seen of an epoch so far: plain numbers, so that it can be saved in the middle of one. */
export interface Tally {
  /** Batches. */
  steps: number;
  samples: number;
  /** Sums over batches, in double. */
  loss: number;
  cat: number;
  cont: number;
  correct: number;
}

export const newTally = (): Tally => ({ steps: 0, samples: 0, loss: 0, cat: 0, cont: 0, correct: 0 });

/** Adds a batch: losses count by batch (a short one as much as a full one, as in the original), hits by sample. */
export function addTo(tally: Tally, result: BatchResult): void {
  tally.steps++;
  tally.samples += result.labels.length;
  tally.loss += result.loss;
  tally.cat += result.cat;
  tally.cont += result.cont ?? 0;
  tally.correct += result.predicted.filter((p, i) => p === result.labels[i]).length;
}

export const meansOf = (t: Tally): { loss: number; cat: number; cont: number; accuracy: number } => ({
  loss: t.loss / t.steps,
  cat: t.cat / t.steps,
  cont: t.cont / t.steps,
  accuracy: t.correct / t.samples,
});
