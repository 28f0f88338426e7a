// Pools and resizing: each result is made of a window of its map.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { device } from '../../gpu';
import { channels, type Margin, margin, operand, small } from '../draws';
import type { Problem } from '../problem';
import { kinds, type Property, property } from '../property';
import { add, constant, divide, multiply, type Scalar } from '../reference/scalar';

interface Map {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly margin: Margin | null;
}

const map: fc.Arbitrary<Map> = fc.record({ n: small(1, 2), c: channels, h: small(1, 7), w: small(1, 7), margin });

/** Rows of a map that are more than a dimension of a dispatch has workgroups. */
const TALL: Map = { n: 1, c: 1, h: 65_537, w: 1, margin: null };

/** y[n, c, oy, ox] = f(x at (iy, ix)), for each output. */
function eachOutput(
  { n, c, h, w }: Map,
  x: readonly Scalar[],
  [oh, ow]: readonly [number, number],
  f: (x: (iy: number, ix: number) => Scalar, oy: number, ox: number) => Scalar,
): Scalar[] {
  const y: Scalar[] = [];
  for (let p = 0; p < n * c; p++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) y.push(f((iy, ix) => x[(p * h + iy) * w + ix], oy, ox));
  return y;
}

interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

/** Kernels of few sizes, each a pipeline of its own; paddings by side, at most half a kernel. */
const window: fc.Arbitrary<Window> = kinds<Pick<Window, 'kernel' | 'stride'>>(
  { kernel: [3, 3], stride: [2, 2] },
  { kernel: [3, 2], stride: [1, 3] },
  { kernel: [2, 2], stride: [2, 2] },
  { kernel: [1, 1], stride: [1, 1] },
).chain(({ kernel, stride }) => {
  const side = (k: number): fc.Arbitrary<number> => small(0, k >> 1);
  const padding = fc.tuple(side(kernel[0]), side(kernel[0]), side(kernel[1]), side(kernel[1]));
  return fc.record({ kernel: fc.constant(kernel), stride: fc.constant(stride), padding });
});

const pooled = fc.record({ map, window, into: margin });

interface Pooled {
  readonly map: Map;
  readonly window: Window;
  /** The result becomes a slice of a wider tensor with these channels beside it. */
  readonly into: Margin | null;
}

const examples: readonly Pooled[] = [
  { map: TALL, window: { kernel: [2, 1], stride: [1, 1], padding: [0, 1, 0, 0] }, into: null },
];

/** What lies under the window of output (oy, ox), padding left out: [iy, ix], row by row. */
function under({ h, w }: Map, { kernel, stride, padding }: Window, oy: number, ox: number): [number, number][] {
  const places: [number, number][] = [];
  for (let ky = 0; ky < kernel[0]; ky++)
    for (let kx = 0; kx < kernel[1]; kx++) {
      const [iy, ix] = [oy * stride[0] - padding[0] + ky, ox * stride[1] - padding[2] + kx];
      if (iy >= 0 && iy < h && ix >= 0 && ix < w) places.push([iy, ix]);
    }
  return places;
}

/** A map that a window fits into. */
const fitting = ({ map, window: { kernel, padding } }: Pooled): Map => ({
  ...map,
  h: Math.max(map.h, kernel[0] - padding[0] - padding[1]),
  w: Math.max(map.w, kernel[1] - padding[2] - padding[3]),
});

const sizeOf = ({ h, w }: Map, { kernel, stride, padding: [top, bottom, left, right] }: Window): [number, number] => [
  Math.floor((h + top + bottom - kernel[0]) / stride[0]) + 1,
  Math.floor((w + left + right - kernel[1]) / stride[1]) + 1,
];

/** A place for a result, a slice of a wider tensor. */
export function room(shape: readonly number[], dtype: 'f32' | 'f16', { before, after }: Margin): F.Tensor {
  const [n, c, ...rest] = shape;
  const wide = F.zeros(device, [n, before + c + after, ...rest], { dtype });
  return F.sliceChannels(wide, before, before + c);
}

function pool(
  engine: (x: F.Tensor, options: F.PoolOptions) => readonly F.Tensor[],
  of: (drawn: Pooled, x: readonly Scalar[], map: Map) => readonly Scalar[][],
): Property {
  return property(
    pooled,
    (drawn: Pooled, dtype): Problem => {
      const map = fitting(drawn);
      const { n, c, h, w, margin } = map;
      const out = [n, c, ...sizeOf(map, drawn.window)];
      return {
        inputs: [operand([n, c, h, w], dtype, margin)],
        run: ([x]) => engine(x, { ...drawn.window, ...(drawn.into && { out: room(out, dtype, drawn.into) }) }),
        reference: ([x]) => of(drawn, x, map),
      };
    },
    { examples, half: true },
  );
}

/** The first of the largest, and its place in the map. */
function maxima({ window }: Pooled, x: readonly Scalar[], map: Map): [Scalar[], Scalar[]] {
  const places: Scalar[] = [];
  const y = eachOutput(map, x, sizeOf(map, window), (x, oy, ox) => {
    const seen = under(map, window, oy, ox);
    let [iy, ix] = seen[0];
    for (const [py, px] of seen) if (x(py, px).value > x(iy, ix).value) [iy, ix] = [py, px];
    places.push(constant(iy * map.w + ix));
    return x(iy, ix);
  });
  return [y, places];
}

const average = (values: readonly Scalar[], count: number): Scalar => divide(add(...values), constant(count));

const averages = (window: Window, x: readonly Scalar[], map: Map): Scalar[] =>
  eachOutput(map, x, sizeOf(map, window), (x, oy, ox) =>
    average(
      under(map, window, oy, ox).map((p) => x(...p)),
      window.kernel[0] * window.kernel[1],
    ),
  );

const adaptive = property(
  fc.record({ map, size: fc.tuple(small(1, 3), small(1, 3)) }),
  ({ map, size }, dtype): Problem => {
    const { n, c, h, w, margin } = map;
    const range = (o: number, inputs: number, outputs: number): number[] => {
      const from = Math.floor((o * inputs) / outputs);
      const to = Math.ceil(((o + 1) * inputs) / outputs);
      return Array.from({ length: to - from }, (_, i) => from + i);
    };
    return {
      inputs: [operand([n, c, h, w], dtype, margin)],
      run: ([x]) => [F.adaptiveAvgPool2d(x, size)],
      reference: ([x]) => [
        eachOutput(map, x, size, (x, oy, ox) => {
          const seen = range(oy, h, size[0]).flatMap((iy) => range(ox, w, size[1]).map((ix) => x(iy, ix)));
          return average(seen, seen.length);
        }),
      ],
    };
  },
  { examples: [{ map: TALL, size: [1, 1] as [number, number] }] },
);

const resize = property(
  fc.record({ map, size: fc.tuple(small(1, 9), small(1, 9)), alignCorners: fc.boolean() }),
  ({ map, size, alignCorners }, dtype): Problem => {
    const { n, c, h, w, margin } = map;
    /** The two inputs that an output lies between, with their shares. */
    const between = (o: number, inputs: number, outputs: number): [number, Scalar][] => {
      const place = alignCorners
        ? (o * (inputs - 1)) / Math.max(outputs - 1, 1)
        : Math.max(((o + 0.5) * inputs) / outputs - 0.5, 0);
      const first = Math.min(Math.floor(place + 1e-9), inputs - 1);
      const share = divide(constant(Math.max(place - first, 0)), constant(1));
      return [
        [first, add(constant(1), multiply(constant(-1), share))],
        [Math.min(first + 1, inputs - 1), share],
      ];
    };
    return {
      inputs: [operand([n, c, h, w], dtype, margin)],
      run: ([x]) => [F.resizeBilinear(x, size, { alignCorners })],
      reference: ([x]) => [
        eachOutput(map, x, size, (x, oy, ox) =>
          add(
            ...between(oy, h, size[0]).flatMap(([iy, down]) =>
              between(ox, w, size[1]).map(([ix, right]) => multiply(multiply(x(iy, ix), right), down)),
            ),
          ),
        ),
      ],
    };
  },
);

export const WINDOWS: Readonly<Record<string, Property>> = {
  maxPool2d: pool(
    (x, o) => [F.maxPool2d(x, o)],
    (drawn, x, map) => [maxima(drawn, x, map)[0]],
  ),
  maxPool2dWithIndices: pool((x, o) => {
    const { y, indices } = F.maxPool2dWithIndices(x, o);
    return [y, indices];
  }, maxima),
  avgPool2d: pool(
    (x, o) => [F.avgPool2d(x, o)],
    ({ window }, x, map) => [averages(window, x, map)],
  ),
  adaptiveAvgPool2d: adaptive,
  resizeBilinear: resize,
};
