import { MEAN, STD } from '../../data';
import { writeSafetensors } from '../../formats/safetensors';
import type { ExportSource } from './source';

/** The state dict under PyTorch's names. */
export const exportSafetensors = ({ state }: ExportSource): Uint8Array => writeSafetensors(state, { format: 'pt' });

/** What must be known to use the weights: `config.json`, beside them. */
export function exportConfig({ args, epoch }: ExportSource): string {
  const { model, network, dataset, image_size, classes } = args;
  const config = { model, network, dataset, image_size, classes, mean: MEAN, std: STD, epoch: epoch + 1 };
  return `${JSON.stringify(config, null, 2)}\n`;
}
