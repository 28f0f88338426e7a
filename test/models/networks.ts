// All models on all networks, built on the tests' device, and what PyTorch says of them.
import { buildModel, type EmotionModel, type ModelName, type NetworkName } from '../../src/models';
import { collectGarbage } from '../autograd/helpers';
import { release } from '../goldens/network';
import { device } from '../gpu';

/**
 * Of the networks in test/golden/reference.py and make_networks.py: how many numbers `parameters()` has, and the CRC-32 of the lines
 * "NAME SHAPE\n" (`features.conv0.weight 64x3x7x7`) of `state_dict()`.
 */
export const NETS: readonly { network: NetworkName; model: ModelName; parameters: number; crc: number }[] = [
  { network: 'densenet', model: 'single_task', parameters: 6961031, crc: 1331970898 },
  { network: 'bregnext', model: 'single_task', parameters: 3072567, crc: 2551544366 },
  { network: 'densenet', model: 'multi_task', parameters: 6963081, crc: 3972032989 },
  { network: 'bregnext', model: 'multi_task', parameters: 3072825, crc: 2443804084 },
  { network: 'densenet', model: 'emotion_gcn', parameters: 7631825, crc: 217742612 },
  { network: 'bregnext', model: 'emotion_gcn', parameters: 3291784, crc: 665489751 },
  { network: 'denselite', model: 'single_task', parameters: 323687, crc: 104429490 },
  { network: 'mobilenet', model: 'single_task', parameters: 3203207, crc: 3384390008 },
  { network: 'denselite', model: 'multi_task', parameters: 324201, crc: 850642158 },
  { network: 'mobilenet', model: 'multi_task', parameters: 3205257, crc: 95027947 },
  { network: 'denselite', model: 'emotion_gcn', parameters: 606641, crc: 2056582357 },
  { network: 'mobilenet', model: 'emotion_gcn', parameters: 3874001, crc: 3736938016 },
];

/** A graph that connects every class with valence. */
export const A = Float32Array.from({ length: 81 }, (_, i) => (i % 10 === 0 || i % 9 === 7 ? 0.5 : 0));

/** Builds a network for images of 112 pixels, hands it on, and gives its memory back. */
export async function withNet(
  network: NetworkName,
  model: ModelName,
  fn: (net: EmotionModel) => void | Promise<void>,
): Promise<void> {
  const net = buildModel(device, { network, model, imageSize: 112, A });
  try {
    await fn(net);
  } finally {
    release(device, net);
  }
}

/** Waits until what earlier tests left has been collected, so that it does not come back in the middle of a count. */
export async function quiet(): Promise<void> {
  let same = 0;
  for (let live = -1; same < 3; ) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = live === device.stats().live ? same + 1 : 0;
    live = device.stats().live;
  }
}
