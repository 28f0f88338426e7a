// How the networks want their pictures.
import type { NetworkInput } from '../base/pixels/network_input';
import type { NetworkName } from './config';

/** Torchvision's, of all that starts from ImageNet. */
const IMAGENET: NetworkInput = {
  order: 'rgb',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  scale: 1 / 255,
};

const INPUTS: Readonly<Record<NetworkName, NetworkInput>> = {
  densenet: IMAGENET,
  bregnext: IMAGENET,
  // face-api's landmark and expression networks.
  denselite: { order: 'rgb', mean: [122.782, 117.001, 104.298], std: [255, 255, 255], scale: 1 },
  // HSE_FaceRec_tf's MobileNet: VGG's mean, B first.
  mobilenet: { order: 'bgr', mean: [103.939, 116.779, 123.68], std: [1, 1, 1], scale: 1 },
};

/**
 * What a network's input is of a picture.
 * @example
 * inputOf('densenet').mean; // [0.485, 0.456, 0.406]
 */
export const inputOf = (network: NetworkName): NetworkInput => INPUTS[network];
