import { InputError } from '../device/errors';

export const MODELS = ['single_task', 'multi_task', 'emotion_gcn'] as const;
export const NETWORKS = ['densenet', 'bregnext'] as const;
export type ModelName = (typeof MODELS)[number];
export type NetworkName = (typeof NETWORKS)[number];

export interface ModelConfig {
  readonly model: ModelName;
  readonly network: NetworkName;
  /** Side of the images in pixels. */
  readonly imageSize: number;
}

/** Checks that a model can take images of a size. @throws InputError saying which sizes it takes. */
export function checkImageSize({ model, network, imageSize }: ModelConfig): void {
  const wrong = (wanted: string): never => {
    throw new InputError(`image_size ${imageSize}: ${model} on ${network} takes ${wanted}`);
  };
  if (!Number.isInteger(imageSize)) wrong('whole numbers');
  if (network === 'bregnext' && (imageSize < 4 || imageSize % 4 !== 0)) wrong('multiples of 4');
  if (network === 'densenet' && model === 'emotion_gcn' && imageSize !== 227 && (imageSize < 93 || imageSize > 188))
    wrong('227, or 93 to 188 (its last map must be 3 to 5 wide)');
  if (network === 'densenet' && imageSize < 29) wrong('29 or more');
}
