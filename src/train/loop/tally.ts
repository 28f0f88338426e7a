import type { BatchResult } from './learner';

/** What has been seen of an epoch so far: plain numbers, so that it can be saved in the middle of one. */
export interface Tally {
  /** Batches. */
  steps: number;
  samples: number;
  /** Sums over batches, in double; null once a batch had none. */
  loss: number | null;
  cat: number | null;
  cont: number | null;
  correct: number;
}

export const newTally = (): Tally => ({ steps: 0, samples: 0, loss: 0, cat: 0, cont: 0, correct: 0 });

/** Adds a batch: losses count by batch (a short one as much as a full one, as in the original), hits by sample. */
export function addTo(tally: Tally, result: BatchResult): void {
  tally.steps++;
  tally.samples += result.labels.length;
  for (const name of ['loss', 'cat', 'cont'] as const) {
    const [sum, one] = [tally[name], result[name]];
    tally[name] = sum === null || one === null ? null : sum + one;
  }
  tally.correct += result.predicted.filter((p, i) => p === result.labels[i]).length;
}

/** Means over batches (null where one had none), and the fraction of the samples that were said right. */
export function meansOf(t: Tally): { loss: number | null; cat: number | null; cont: number | null; accuracy: number } {
  const mean = (sum: number | null): number | null => sum && sum / t.steps;
  return { loss: mean(t.loss), cat: mean(t.cat), cont: mean(t.cont), accuracy: t.correct / t.samples };
}
