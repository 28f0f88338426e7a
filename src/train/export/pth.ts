import { writeCheckpoint } from '../../formats/torch';
import type { ExportSource } from './source';

/**
 * The original's checkpoint: `epoch`, `model_state_dict`, and for a run's last weights `optimizer_state_dict`, with which
 * PyTorch goes on with the run.
 */
export function exportPth({ args, state, epoch, rate, optimizer }: ExportSource): Promise<Uint8Array> {
  const { lr, weight_decay, momentum, betas, eps } = args;
  const own = { momentum: momentum ?? undefined, betas: betas ?? undefined, eps: eps ?? undefined };
  const rule = {
    kind: args.optimizer === 'sgd' ? ('sgd' as const) : ('adam' as const),
    decoupled: args.optimizer === 'sgd' ? null : args.optimizer === 'adamw',
    settings: { lr: rate, initial_lr: lr, weight_decay, ...own },
  };
  return writeCheckpoint({ epoch, state, optimizer: optimizer && { ...optimizer, ...rule } });
}
