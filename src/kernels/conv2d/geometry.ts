/** Sizes of a 2-D convolution: input [N, C, H, W], weight [O, C / groups, KH, KW], output [N, O, OH, OW]; pairs are (down, right). */
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
  /** Zeros above and on the left; those on the far sides only make the output larger. */
  readonly padding: readonly [number, number];
  /** Pixels from one tap to the next. */
  readonly dilation: readonly [number, number];
  /** Parts of the channels that do not see one another. */
  readonly groups: number;
}

/** What a kernel covers along one axis. */
export const extent = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Output size along one axis: floor((in + before + after - kernel) / stride) + 1, of a dilated kernel its extent. */
export const outputSize = (size: number, kernel: number, stride: number, before: number, after = before): number =>
  Math.floor((size + before + after - kernel) / stride) + 1;

/** A 1x1 convolution without stride or padding is a plain matrix product over all pixels. */
export const isPointwise = (g: Conv2dGeometry): boolean =>
  g.groups === 1 &&
  g.kh === 1 &&
  g.kw === 1 &&
  g.stride.every((s) => s === 1) &&
  g.padding.every((p) => p === 0) &&
  g.oh === g.h &&
  g.ow === g.w;

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
  dilation_h: g.dilation[0],
  dilation_w: g.dilation[1],
});

/** Operations of each of its three products, two a multiply-add; products with padding count, as is usual. */
export const flopOf = (g: Conv2dGeometry): number => (2 * g.n * g.oh * g.ow * g.co * g.ci * g.kh * g.kw) / g.groups;

export const describe = (g: Conv2dGeometry): string =>
  `${g.kh}x${g.kw} ${g.ci}>${g.co}${g.groups > 1 ? ` in ${g.groups}` : ''} ${g.n}x${g.oh}x${g.ow}`;
