/** ImageNet's mean and standard deviation of R, G, B in [0, 1]. */
export const MEAN = [0.485, 0.456, 0.406] as const;
export const STD = [0.229, 0.224, 0.225] as const;

/**
 * What a byte becomes in the network's input: `table[value * 3 + channel]` = (value / 255 - mean) / std, each step
 * rounded to float32 as torchvision's ToTensor and Normalize do. A table, because a GPU's division may differ. 256 x 3.
 */
export function normalisationTable(): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 256 * 3 }, (_, i) => {
    const c = i % 3;
    return f(f(f(Math.floor(i / 3) / 255) - f(MEAN[c])) / f(STD[c]));
  });
}

/** The network's input of one picture, channels first: 3 x H x W from H x W x 3 bytes. */
export function toTensor(rgb: Uint8Array, table = normalisationTable()): Float32Array {
  const plane = rgb.length / 3;
  const out = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i++) {
    const c = i % 3;
    out[c * plane + (i - c) / 3] = table[rgb[i] * 3 + c];
  }
  return out;
}
