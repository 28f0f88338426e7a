import { readFileSync } from 'node:fs';
import { networkMetadata } from '../../formats/network_metadata';
import { writeSafetensors } from '../../formats/safetensors';
import { inputOf, MODELS } from '../../models';
import type { RunArgs } from '../run/read_run';
import type { ExportSource } from './source';

/** The state dict under PyTorch's names, and of which network it is. */
export const exportSafetensors = ({ args, state }: ExportSource): Uint8Array =>
  writeSafetensors(state, networkMetadata(args));

/** What must be known to use the weights: `config.json`, beside them. */
export function exportConfig({ args, epoch }: ExportSource): string {
  return `${JSON.stringify(configOf(args, epoch + 1), null, 2)}\n`;
}

/** Channels: the order that the network wants them in; of channel c: (byte * scale - mean[c]) / std[c]. */
function configOf({ model, network, dataset, image_size, classes }: RunArgs, epoch: number) {
  const { order, mean, std, scale } = inputOf(network);
  return { model, network, dataset, image_size, classes, channels: [...order.toUpperCase()], scale, mean, std, epoch };
}

const KEYS = ['model', 'network', 'dataset', 'image_size', 'classes', 'channels', 'scale', 'mean', 'std', 'epoch'];
/** Older ones, all of ImageNet's. */
const OLDER_KEYS = KEYS.filter((key) => key !== 'channels' && key !== 'scale');

/** Whether a file is such a `config.json`: all of its settings, and none besides. */
export function isExportConfig(file: string): boolean {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8'));
    const keys = Object.keys(found).join();
    return (keys === KEYS.join() || keys === OLDER_KEYS.join()) && MODELS.includes(found.model);
  } catch {
    return false;
  }
}
