/** Sizes of a 2-D convolution: input [N, C, H, W], weight [O, C, KH, KW], output [N, O, OH, OW]. */
export interface Conv2dGeometry {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly ci: number;
  readonly co: number;
  readonly kh: number;
  readonly kw: number;
  readonly oh: number;
  readonly ow: number;
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** Output size along one axis: floor((in + 2 padding - kernel) / stride) + 1. */
export const outputSize = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** A 1x1 convolution without stride or padding is a plain matrix product over all pixels. */
export const isPointwise = (g: Conv2dGeometry): boolean =>
  g.kh === 1 && g.kw === 1 && g.stride.every((s) => s === 1) && g.padding.every((p) => p === 0);

/** The sizes as the kernels' Params want them. */
export const geometryParams = (g: Conv2dGeometry): Record<string, number> => ({
  h: g.h,
  w: g.w,
  oh: g.oh,
  ow: g.ow,
  kh: g.kh,
  kw: g.kw,
  stride_h: g.stride[0],
  stride_w: g.stride[1],
  pad_h: g.padding[0],
  pad_w: g.padding[1],
});

/** Operations of each of its three products, two a multiply-add; products with padding count, as is usual. */
export const flopOf = (g: Conv2dGeometry): number => 2 * g.n * g.oh * g.ow * g.co * g.ci * g.kh * g.kw;

export const describe = (g: Conv2dGeometry): string => `${g.kh}x${g.kw} ${g.ci}>${g.co} ${g.n}x${g.oh}x${g.ow}`;
