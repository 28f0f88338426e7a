import type { NetworkInput } from './network_input';

/**
 * What a byte becomes in a network's input: `table[value * 3 + channel]` = (value * scale - mean) / std, each step rounded to float32,
 * so that ImageNet's is torchvision's ToTensor and Normalize bit by bit. Channels in the network's order. A table, because a GPU's
 * division may differ. 256 x 3.
 * @example
 * normalisationTable(inputOf('densenet')).length; // 768
 */
export function normalisationTable({ mean, std, scale }: NetworkInput): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 256 * 3 }, (_, i) => {
    const c = i % 3;
    return f(f(f(Math.floor(i / 3) * scale) - f(mean[c])) / f(std[c]));
  });
}

/**
 * A network's input of one picture, channels first and in its order: 3 x H x W from H x W x 3 bytes of RGB.
 * @example
 * toTensor(Uint8Array.of(255, 0, 0), inputOf('densenet')); // [2.2489, -2.0357, -1.8044]
 */
export function toTensor(rgb: Uint8Array, input: NetworkInput): Float32Array {
  const table = normalisationTable(input);
  const plane = rgb.length / 3;
  const out = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i++) {
    const c = input.order === 'bgr' ? 2 - (i % 3) : i % 3;
    out[c * plane + Math.floor(i / 3)] = table[rgb[i] * 3 + c];
  }
  return out;
}
