/** Softmax: exp(x) / sum of exp(x), without overflow. */
export function softmax(scores: Float32Array): number[] {
  const most = Math.max(...scores);
  const shares = Array.from(scores, (x) => Math.exp(x - most));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}
