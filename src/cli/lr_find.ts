import type { TrainerOptions } from '../train/loop/trainer';
import type { TrainArgs } from '../train/settings/args';
import { stoppable } from './interrupt';
import { ProgressView } from './progress';
import { printResult } from './terminal';

/** `emotion-gcn train --lr_find`: steps with a rising learning rate, and what they say of the rate to train with. */
export async function findRateVisibly(args: TrainArgs, dir: string, options: TrainerOptions): Promise<void> {
  const { makeRangeFolder, writeRateRange } = await import('../train/reports/rate_range');
  makeRangeFolder(dir);
  const { Trainer } = await import('../train/loop/trainer');
  const { rateRange } = await import('../train/measures/rate_range');
  const view = new ProgressView();
  const { onNotice, onPrepare, onStep } = view;
  try {
    const trainer = new Trainer(args, { ...options, hooks: { onNotice, onPrepare, onStep }, findRate: true });
    const outcome = await stoppable(
      (signal) => trainer.run(signal),
      () => onNotice('stopping after this step; press Ctrl-C again to quit at once'),
    );
    view.stop();
    if (outcome?.status !== 'ranged') return;
    const range = rateRange(outcome.steps);
    const files = await writeRateRange(dir, range);
    const { steepest, lowest } = range;
    printResult(`${advice(range)}\nwritten: ${files.join(', ')}`, { steepest, lowest, files });
  } finally {
    view.stop();
  }
}

/** Two digits are more than such a test is worth. */
const short = (rate: number): string => String(Number(rate.toPrecision(2)));

function advice({ steepest, lowest }: { steepest: number | null; lowest: number | null }): string {
  if (steepest === null || lowest === null)
    return 'the loss falls nowhere: no rate is suggested; look at the picture, and at what is trained on';
  return [
    `--lr ${short(steepest)} is suggested: there the loss falls steepest`,
    `lowest loss at ${short(lowest)}, of which the usual rule takes a tenth: ${short(lowest / 10)}`,
  ].join('\n');
}
