// Networks that give no numbers: noticed, and told which of their tensors is to blame.
import { InputError } from '../../base/errors';
import { notFinite } from '../../formats/weights';
import type { StateEntry } from '../../models';
import type { BatchResult } from '../loop/learner';
import { type Run, weightsFile } from '../run/read_run';

/** The first of a batch's results that is NaN or infinite, as `a class score is NaN`, and whose it is; null: all are finite. */
export function resultNotFinite({ labels, logits, va, loss }: BatchResult): { what: string; sample: number } | null {
  const n = labels.length;
  for (const [name, numbers] of [
    ['a class score', logits],
    ['a valence or arousal', va ?? []],
    ['the loss', loss === null ? [] : [loss]],
  ] as const) {
    const place = Array.from(numbers).findIndex((v) => !Number.isFinite(v));
    if (place >= 0) return { what: `${name} is ${numbers[place]}`, sample: Math.floor((place * n) / numbers.length) };
  }
  return null;
}

/**
 * The first parameter or running statistic of a network that is not finite, as `fc.weight is NaN at [3, 0]`; null: all are. Scores
 * need not tell: drivers may take NaN for absent, and relu makes 0 of it.
 */
export function tensorNotFinite(state: ReadonlyMap<string, StateEntry>): string | null {
  for (const [name, entry] of state) {
    const found = notFinite(entry);
    if (found) return `${name} is ${found}`;
  }
  return null;
}

/** What it is where all weights are finite. */
export const OVERFLOW = 'its weights are finite, but what it computes of them overflows';

/**
 * @param images of the batch's samples
 * @throws InputError naming file and picture where a trained network, whose weights were finite as they were loaded, gives what is no number
 */
export function checkScores(run: Run, result: BatchResult, images: readonly string[]): void {
  const found = resultNotFinite(result);
  if (!found) return;
  throw new InputError(
    `${run.given?.file ?? weightsFile(run, 'best')}: ${found.what} for ${images[found.sample]}: ${OVERFLOW}; ` +
      'this network is of no use: take the weights of another epoch, or train again with a lower --lr',
  );
}
