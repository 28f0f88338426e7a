/** What a network's input is of a picture: channel c, in the order that it wants them, is (byte * scale - mean[c]) / std[c]. */
export interface NetworkInput {
  readonly order: 'rgb' | 'bgr';
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly scale: number;
}
