import { InputError } from '../../base/errors';
import * as kernels from '../../kernels/dropout';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { wantFloats } from './check';

export interface DropoutOptions {
  /** A whole number; give every step another one. It travels in a buffer, so a new one compiles nothing. */
  readonly seed: number;
  /** A whole number, which tells the dropouts of one step apart. */
  readonly stream: number;
  /** Otherwise x comes back as it is. */
  readonly training: boolean;
}

/**
 * Dropout (Srivastava et al. 2014): each element becomes 0 with probability p, the others are divided by 1 - p. The mask is
 * a function of (seed, stream, element) alone, the same on every adapter: element i in the order of memory (row-major, or
 * rows of channels) is kept when fmix32(fmix32(seed + stream g) + i g) >> 8 >= 2^24 p, g = 0x9E3779B9.
 * @throws InputError when p is not in [0, 1], or seed or stream is no whole number.
 * @example
 * const ones = tensor(device, new Float32Array(1000).fill(1), [1000]);
 * const kept = await dropout(ones, 0.5, { seed: 1, stream: 0, training: true }).data();
 * kept.every((v) => v === 0 || v === 2); // true
 */
export function dropout(x: Tensor, p: number, { seed, stream, training }: DropoutOptions): Tensor {
  wantFloats('dropout', x);
  if (!(p >= 0 && p <= 1)) throw new InputError(`dropout of ${x}: expected a probability, found ${p}`);
  if (![seed, stream].every(Number.isInteger))
    throw new InputError(`dropout of ${x}: seed and stream must be whole numbers, found ${seed} and ${stream}`);
  if (!training || p === 0) return x;
  const { device } = x;
  const buffer = device.alloc(4, 'dropout.seed');
  device.upload(buffer, Uint32Array.of(seed));
  const mask = { seed: buffer, stream, p };
  const y = empty(device, x.shape, { layout: x.layout, dtype: x.dtype, name: 'dropout' });
  kernels.dropout(device, matrixOf(x), matrixOf(y), mask, false);
  record('dropout', [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) kernels.dropout(device, matrixOf(dy), matrixOf(dx.grad), mask, dx.accumulate);
  });
  return y;
}
