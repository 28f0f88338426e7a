import type { BatchResult } from './learner';

/** What has been seen of an epoch so far: plain numbers, so that it can be saved in the middle of one. */
export interface Tally {
  /** Batches, and their samples: without those that are left out. */
  steps: number;
  samples: number;
  /** Batches that are left out: their step was not finite. */
  skipped: number;
  /** Sums over batches, in double; null once a batch had none. */
  loss: number | null;
  cat: number | null;
  cont: number | null;
  correct: number;
}

export const newTally = (): Tally => ({ steps: 0, samples: 0, skipped: 0, loss: 0, cat: 0, cont: 0, correct: 0 });

/**
 * Adds a batch: losses count by batch (a short one as much as a full one, as in the original), hits by sample. One whose loss is not
 * finite is left out.
 */
export function addTo(tally: Tally, result: BatchResult): void {
  if (result.loss !== null && !Number.isFinite(result.loss)) {
    tally.skipped++;
    return;
  }
  tally.steps++;
  tally.samples += result.labels.length;
  for (const name of ['loss', 'cat', 'cont'] as const) {
    const [sum, one] = [tally[name], result[name]];
    tally[name] = sum === null || one === null ? null : sum + one;
  }
  tally.correct += result.predicted.filter((p, i) => p === result.labels[i]).length;
}

/** Means over batches (null where one had none, or there are no batches), and the fraction of the samples that were said right. */
export function meansOf(t: Tally): { loss: number | null; cat: number | null; cont: number | null; accuracy: number } {
  const mean = (sum: number | null): number | null => (sum === null || t.steps === 0 ? null : sum / t.steps);
  return { loss: mean(t.loss), cat: mean(t.cat), cont: mean(t.cont), accuracy: t.samples && t.correct / t.samples };
}
