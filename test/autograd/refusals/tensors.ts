// Tensors, and backward from them.
import * as F from '../../../src/autograd';
import {
  argument,
  bare,
  device,
  eachOf,
  F16,
  floatsOnly,
  INFINITE,
  NAN,
  PLAIN,
  parameter,
  slice,
  TAPS,
  type Trial,
  t,
  U32,
} from './trials';

export const TENSORS: Readonly<Record<string, readonly Trial[]>> = {
  empty: [
    argument(
      (shape: readonly number[]) => F.empty(device, shape),
      [[1], [], [1, 2, 3], ...eachOf([1, 1], 1, 2)],
      eachOf([1, 2, 3], 0, -1, 0.5, NAN, INFINITE),
      (shape) => `a tensor cannot have shape ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (shape: number[]) => F.empty(device, shape, { layout: 'rows' }),
      [
        [1, 2],
        [1, 2, 3, 4],
      ],
      [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]],
      (shape) => `layout rows wants [N, C] or [N, C, H, W], found ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (shape: number[]) => F.empty(device, shape, TAPS),
      [[1, 2, 3, 4]],
      [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4, 5]],
      (shape) => `layout taps wants [O, I, KH, KW], found ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (dtype: 'f32' | 'f16' | 'u32') => F.empty(bare, [1], { dtype }),
      ['f32', 'u32'],
      ['f16'],
      () => 'this adapter has no f16 (shader-f16): use f32',
    ),
  ],
  tensor: [
    argument(
      (length: number) => F.tensor(device, new Float32Array(length), [2, 3]),
      [6],
      [5, 7, 0],
      (found) => `tensor 2x3: expected 6 elements, found ${found}`,
    ),
    argument(
      (length: number) => F.tensor(device, new Uint32Array(length), [2, 3]),
      [6],
      [5, 7],
      (found) => `tensor 2x3: expected 6 elements, found ${found}`,
    ),
  ],
  write: [
    argument(
      (length: number) => t('x', [2, 3]).write(new Float32Array(length)),
      [6],
      [5, 7],
      (found) => `write to x[2x3]: expected 6 elements, found ${found}`,
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Float32Array(6)),
      [t('x', [2, 3]), t('x', [2, 3], F16)],
      [t('x', [2, 3], U32)],
      () => 'write to x[2x3]: it is of type u32, found a Float32Array',
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Uint32Array(6)),
      [t('x', [2, 3], U32)],
      [t('x', [2, 3]), t('x', [2, 3], F16)],
      (x) => `write to x[2x3]: it is of type ${x.dtype}, found a Uint32Array`,
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Float32Array(x.size)),
      [],
      [slice('x', [2, 4]), slice('x', [1, 4]), F.sliceChannels(t('x', [1, 4]), 0, 2)],
      (x) => `write to ${x}: it is a slice; write the whole`,
      'Error',
    ),
  ],
  item: [
    argument(
      (x: F.Tensor) => x.item(),
      [t('x', [1]), t('x', []), t('x', [1, 1, 1, 1])],
      [t('x', [2]), t('x', [1, 2])],
      (x) => `item() of ${x}: expected one element, found 2`,
      'Error',
    ),
  ],
  requiresGrad: [
    argument(
      (x: F.Tensor) => {
        x.requiresGrad = false;
      },
      [parameter('p', [2]), F.mul(parameter('p', [2]), 2).detach()],
      [F.mul(parameter('p', [2]), 2)],
      () => 'mulNumber[2]: only a leaf can be told to require a gradient; detach() it first',
      'Error',
    ),
  ],
  backward: [
    argument(
      (root: F.Tensor) => F.backward(root),
      [F.sum(parameter('p', [2])), parameter('p', [1])],
      [t('x', [1]), F.noGrad(() => F.sum(parameter('p', [2])))],
      (root) => `backward from ${root}: nothing that it was made from requires a gradient`,
      'Error',
    ),
    argument(
      (n: number) => F.backward(parameter('p', [n])),
      [1],
      [2],
      (n) => `backward from p[${n}]: a tensor of ${n} elements needs an upstream gradient`,
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [t('up', [2, 3]), slice('up', [2, 3]), t('up', [2, 3], F16)],
      [t('up', [3, 2]), t('up', [2]), t('up', [1])],
      (up) => `backward from p[2x3]: upstream has shape ${up.shape.join('x')}`,
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [],
      [t('up', [2, 3], PLAIN)],
      () => 'backward from p[2x3]: upstream must have layout rows, found plain',
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [],
      [t('up', [2, 3], U32)],
      floatsOnly('backward'),
    ),
  ],
  gradcheck: [
    argument(
      (inputs: F.Tensor[]) => F.gradcheck(() => t('y', [1]), inputs),
      [],
      [[], [t('x', [1])]],
      () => 'gradcheck: no input requires a gradient',
      'Error',
    ),
  ],
  inspect: [
    argument(
      (bins: number) => F.inspect(t('x', [2]), { bins }),
      [1, 20],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (bins) => `inspect: expected 1 bin or more, found ${bins}`,
    ),
    argument(
      (x: F.Tensor | null) => F.inspect(x),
      [t('x', [2])],
      [null],
      () => 'inspect: expected a tensor, found null',
    ),
  ],
};
