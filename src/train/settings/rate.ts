import type { TrainArgs } from './args';

/** The settings that a learning rate's course follows from. */
export type RateArgs = Pick<TrainArgs, 'schedule' | 'step_size' | 'gamma' | 'warmup' | 'epochs'>;

/**
 * What the learning rates are multiplied with at step `done` of a run, counted from 0: a pure function, so that a run can be entered
 * anywhere. A linear rise over the first `warmup` steps; then `step` (PyTorch's StepLR): times `gamma` after every `step_size` epochs;
 * or `cosine`: half a cosine down to 0 at the end of the last epoch (Loshchilov and Hutter 2017).
 * @param each steps an epoch
 */
export function rateFactor(
  { schedule, step_size, gamma, warmup, epochs }: RateArgs,
  done: number,
  each: number,
): number {
  if (done < warmup) return (done + 1) / warmup;
  if (schedule === 'step') return gamma ** Math.floor(done / each / step_size);
  const falling = epochs * each - warmup;
  return 0.5 * (1 + Math.cos((Math.PI * Math.min(done - warmup, falling)) / falling));
}
