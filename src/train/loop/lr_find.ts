// Steps with a rising learning rate, on a network that is thrown away.
import { MachineError } from '../../base/errors';
import type { Loader } from '../../data';
import { hasDiverged, type RateStep } from '../measures/rate_range';
import type { Learning } from '../run/checkpoint';
import type { TrainArgs } from '../settings/args';
import type { Learner } from './learner';

/** Most steps of the optimizer, and the rates of the first and the last of so many. */
export const RISE = { steps: 100, from: 1e-7, to: 1 } as const;

/**
 * Takes at most 100 steps as the settings say, but for the rate: from 1e-7 to 1, by the same factor from step to step; with
 * `backbone_lr` the backbone's rises with it. A set that is smaller goes round. Ends where the loss diverges.
 * @param see is told of every step
 * @throws MachineError if not one step is finite; the signal's reason
 */
export async function findRate(
  train: Loader,
  learner: Learner,
  { optimizer }: Learning,
  { lr, grad_accum_steps: each }: Pick<TrainArgs, 'lr' | 'grad_accum_steps'>,
  see: (steps: readonly RateStep[]) => void,
  signal?: AbortSignal,
): Promise<RateStep[]> {
  const steps: RateStep[] = [];
  let [place, loss] = [0, 0];
  for (let epoch = 0; ; epoch++)
    for await (const batch of train.epoch(epoch)) {
      signal?.throwIfAborted();
      const rate = RISE.from * (RISE.to / RISE.from) ** (steps.length / (RISE.steps - 1));
      for (const group of optimizer.groups) group.lr = (group.initialLr * rate) / lr;
      const result = await learner.train(batch, optimizer, { place, size: each });
      loss += (result.loss ?? Number.NaN) / each;
      const finite = Number.isFinite(loss) && !result.refused;
      if (!finite && steps.length === 0)
        throw new MachineError(`the first step, with a rate of ${RISE.from}, is not finite: no rate is to be found`);
      if (!finite) return steps;
      if (++place < each) continue;
      steps.push({ lr: rate, loss });
      see(steps);
      if (steps.length === RISE.steps || hasDiverged(steps.map((step) => step.loss))) return steps;
      [place, loss] = [0, 0];
    }
}
