// Convolutions of all strides, dilations, groups and one-sided paddings: every result is one dot product.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { channels, type Margin, margin, operand, small } from '../draws';
import type { Float, Input } from '../problem';
import { type Property, property } from '../property';
import { add, dot, type Scalar } from '../reference/scalar';
import { room } from './windows';

export interface Convolution {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  /** Channels a group, in and out. */
  readonly ci: number;
  readonly co: number;
  readonly groups: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** [top, bottom, left, right] */
  readonly padding: readonly [number, number, number, number];
  readonly bias: boolean;
  readonly margin: Margin | null;
  /** The result becomes a slice of a wider tensor with these channels beside it. */
  readonly into: Margin | null;
}

const padding = small(0, 2);

export const convolution: fc.Arbitrary<Convolution> = fc
  .record({
    n: small(1, 2),
    h: small(1, 6),
    w: small(1, 6),
    ci: channels,
    co: channels,
    groups: fc.constantFrom(1, 1, 2, 3),
    kernel: fc.constantFrom<[number, number]>([1, 1], [3, 3], [2, 3]),
    stride: fc.constantFrom<[number, number]>([1, 1], [2, 2], [1, 2]),
    dilation: fc.constantFrom<[number, number]>([1, 1], [2, 1]),
    padding: fc.tuple(padding, padding, padding, padding),
    bias: fc.boolean(),
    margin,
    into: margin,
  })
  .map((c) => {
    // A map that the window fits into.
    const least = (d: 0 | 1): number => c.dilation[d] * (c.kernel[d] - 1) + 1 - c.padding[2 * d] - c.padding[2 * d + 1];
    return { ...c, h: Math.max(c.h, least(0)), w: Math.max(c.w, least(1)) };
  });

/** Every channel by itself, in fours and not. */
export const depthwise: fc.Arbitrary<Convolution> = fc
  .tuple(convolution, fc.constantFrom(4, 5, 8))
  .map(([c, groups]) => ({ ...c, ci: 1, co: 1, groups }));

export const inputShape = ({ n, ci, groups, h, w }: Convolution): number[] => [n, ci * groups, h, w];

export function outputShape({ n, co, groups, h, w, kernel, stride, dilation, padding }: Convolution): number[] {
  const size = (inputs: number, d: 0 | 1): number =>
    Math.floor((inputs + padding[2 * d] + padding[2 * d + 1] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + 1;
  return [n, co * groups, size(h, 0), size(w, 1)];
}

/** Weight and, where there is one, bias. */
export function parameters({ ci, co, groups, kernel, bias }: Convolution): Input[] {
  const weight: Input = { base: { shape: [co * groups, ci, ...kernel], layout: 'taps' } };
  return bias ? [weight, { base: { shape: [co * groups] } }] : [weight];
}

export const options = (c: Convolution, dtype: Float): F.Conv2dOptions => ({
  stride: c.stride,
  padding: c.padding,
  dilation: c.dilation,
  groups: c.groups,
  ...(c.into && { out: room(outputShape(c), dtype, c.into) }),
});

export function convolve(
  c: Convolution,
  x: readonly Scalar[],
  weight: readonly Scalar[],
  bias: readonly Scalar[] | undefined,
): Scalar[] {
  const { h, w, ci, co, groups, kernel, stride, dilation, padding } = c;
  const [n, outputs, oh, ow] = outputShape(c);
  const y: Scalar[] = [];
  for (let image = 0; image < n; image++)
    for (let o = 0; o < outputs; o++)
      for (let oy = 0; oy < oh; oy++)
        for (let ox = 0; ox < ow; ox++) {
          const [from, by]: [Scalar[], Scalar[]] = [[], []];
          for (let i = 0; i < ci; i++)
            for (let ky = 0; ky < kernel[0]; ky++)
              for (let kx = 0; kx < kernel[1]; kx++) {
                const iy = oy * stride[0] - padding[0] + ky * dilation[0];
                const ix = ox * stride[1] - padding[2] + kx * dilation[1];
                if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                const channel = Math.floor(o / co) * ci + i;
                from.push(x[((image * ci * groups + channel) * h + iy) * w + ix]);
                by.push(weight[((o * ci + i) * kernel[0] + ky) * kernel[1] + kx]);
              }
          const sum = dot(from, by);
          y.push(bias ? add(sum, bias[o]) : sum);
        }
  return y;
}

export const CONVOLUTIONS: Readonly<Record<string, Property>> = {
  conv2d: property(
    fc.oneof({ weight: 3, arbitrary: convolution }, { weight: 1, arbitrary: depthwise }),
    (c, dtype) => ({
      inputs: [operand(inputShape(c), dtype, c.margin), ...parameters(c)],
      run: ([x, weight, bias = null]) => [F.conv2d(x, weight, bias, options(c, dtype))],
      reference: ([x, weight, bias]) => [convolve(c, x, weight, bias)],
    }),
    { gemm: true, half: true },
  ),
};
