import { readFileSync } from 'node:fs';
import { MEAN, STD } from '../../data';
import { writeSafetensors } from '../../formats/safetensors';
import { MODELS } from '../../models';
import type { RunArgs } from '../run/read_run';
import type { ExportSource } from './source';

/** The state dict under PyTorch's names. */
export const exportSafetensors = ({ state }: ExportSource): Uint8Array => writeSafetensors(state, { format: 'pt' });

/** What must be known to use the weights: `config.json`, beside them. */
export function exportConfig({ args, epoch }: ExportSource): string {
  return `${JSON.stringify(configOf(args, epoch + 1), null, 2)}\n`;
}

const configOf = ({ model, network, dataset, image_size, classes }: Partial<RunArgs>, epoch?: number) => ({
  model,
  network,
  dataset,
  image_size,
  classes,
  mean: MEAN,
  std: STD,
  epoch,
});

/** Whether a file is such a `config.json`: all of its settings, and none besides. */
export function isExportConfig(file: string): boolean {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8'));
    return Object.keys(found).join() === Object.keys(configOf({})).join() && MODELS.includes(found.model);
  } catch {
    return false;
  }
}
