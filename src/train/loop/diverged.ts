import { MachineError } from '../../base/errors';
import { OVERFLOW } from '../measures/finite';
import type { TrainArgs } from '../settings/args';

/**
 * A training that came to what is no number, with the ways out.
 * @param what was no number, and where
 * @param cause the tensor to blame; null: all are finite
 * @param skippable a single step is to blame, which can be left out
 */
export function diverged(
  what: string,
  args: Pick<TrainArgs, 'clip_grad_norm' | 'precision'>,
  cause: string | null,
  skippable: boolean,
): MachineError {
  const ways = ['a lower --lr', 'a longer --warmup', 'a larger --batch_size'];
  if (args.clip_grad_norm === 0) ways.push('--clip_grad_norm 1');
  if (args.precision === 'f16') ways.push('--precision f32');
  const again = `start again with ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}`;
  const further = skippable ? ', or go on without that step by --resume --on_nan skip' : '';
  return new MachineError(`${what}: training diverged (${cause ?? OVERFLOW}); ${again}${further}`);
}
