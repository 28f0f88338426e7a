import { InputError } from '../base/errors';

export const MODELS = ['single_task', 'multi_task', 'emotion_gcn'] as const;
export const NETWORKS = ['densenet', 'bregnext', 'denselite', 'mobilenet'] as const;
export type ModelName = (typeof MODELS)[number];
export type NetworkName = (typeof NETWORKS)[number];

export interface ModelConfig {
  readonly model: ModelName;
  readonly network: NetworkName;
  /** Side of the images in pixels. */
  readonly imageSize: number;
  /** Number of classes; default 7. */
  readonly classes?: number;
}

/**
 * The sizes that a model takes, in words, if the one in `config` is none of them; else null.
 * @example
 * imageSizeWanted({ model: 'single_task', network: 'bregnext', imageSize: 66 }); // 'a multiple of 4'
 * imageSizeWanted({ model: 'single_task', network: 'bregnext', imageSize: 64 }); // null
 */
export function imageSizeWanted({ model, network, imageSize }: ModelConfig): string | null {
  if (network === 'denselite' || network === 'mobilenet')
    return Number.isInteger(imageSize) && imageSize >= 32 ? null : 'a whole number from 32';
  if (network === 'bregnext') return imageSize >= 4 && imageSize % 4 === 0 ? null : 'a multiple of 4';
  if (model === 'emotion_gcn') {
    // Its pooling window is fixed (7 at 227, else 3) and must leave one value a channel.
    if (imageSize === 227 || (Number.isInteger(imageSize) && imageSize >= 93 && imageSize <= 188)) return null;
    return '227, or 93 to 188 (its last map must be 3 to 5 wide)';
  }
  return Number.isInteger(imageSize) && imageSize >= 29 ? null : 'a whole number from 29';
}

/**
 * Checks that a model can take images of a size. @throws InputError saying which sizes it takes.
 * @example
 * checkImageSize({ model: 'emotion_gcn', network: 'densenet', imageSize: 227 });
 */
export function checkImageSize(config: ModelConfig): void {
  const wanted = imageSizeWanted(config);
  const { model, network, imageSize } = config;
  if (wanted) throw new InputError(`imageSize expects ${wanted} for ${model} on ${network}, found ${imageSize}`);
}
