import { writeCheckpoint } from '../../formats/torch';
import type { ExportSource } from './source';

/**
 * The original's checkpoint: `epoch`, `model_state_dict`, and for a run's last weights `optimizer_state_dict`, with which
 * PyTorch goes on with the run.
 */
export function exportPth({ args, state, epoch, rate, momentum }: ExportSource): Promise<Uint8Array> {
  const settings = { lr: rate, initial_lr: args.lr, momentum: args.momentum, weight_decay: args.weight_decay };
  return writeCheckpoint({ epoch, state, optimizer: momentum && { ...momentum, settings } });
}
