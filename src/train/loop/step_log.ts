// steps.csv as a run writes it: lines are kept, and appended a few times a second at most.
import { statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { STEPS } from '../run/files';
import type { RunFolder } from '../run/run_folder';
import { formatStep, lengthUpTo, STEPS_HEADER, type StepRow } from '../run/steps';
import type { BatchResult } from './learner';

/** Milliseconds between two appends, at least. */
const PAUSE = 300;

export class StepLog {
  private waiting = '';
  private written = 0;

  constructor(private readonly folder: RunFolder) {}

  /** Goes on behind `step` batches; what the run had after them is trained again. */
  restore(step: number): void {
    this.waiting = '';
    this.folder.cut(STEPS, (bytes) => lengthUpTo(bytes, step));
  }

  /** After a batch. */
  add(of: Pick<StepRow, 'step' | 'epoch' | 'lr'>, { loss, cat, cont, labels, predicted }: BatchResult): void {
    const hits = predicted.filter((p, i) => p === labels[i]).length;
    // A training step has both losses.
    const losses = { loss: loss as number, cat: cat as number, cont };
    this.waiting += formatStep({ ...of, ...losses, accuracy: hits / labels.length });
    if (performance.now() - this.written > PAUSE) this.flush();
  }

  /** Appends what waits: to be done before a checkpoint is written that knows of it. */
  flush(): void {
    this.written = performance.now();
    if (this.waiting === '') return;
    const begun = statSync(this.folder.path(STEPS), { throwIfNoEntry: false })?.size;
    this.folder.append(STEPS, begun ? this.waiting : STEPS_HEADER + this.waiting);
    this.waiting = '';
  }

  /** The same as the run ends, which may be why it cannot be written. */
  end(): void {
    try {
      this.flush();
    } catch {
      // What the last checkpoint knows of is there.
    }
  }
}
