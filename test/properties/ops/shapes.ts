// What moves elements, adds them up along axes, or drops some.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { at, channels, eachIndex, type Margin, margin, operand, small } from '../draws';
import { type Base, type Input, shapeOf } from '../problem';
import { type Property, property } from '../property';
import { add, constant, divide, multiply, type Scalar } from '../reference/scalar';

interface Shaped {
  readonly shape: readonly number[];
  readonly margin: Margin | null;
}
const matrix: fc.Arbitrary<Shaped> = fc.record({ shape: fc.tuple(small(1, 9), channels), margin });
const map: fc.Arbitrary<Shaped> = fc.record({
  shape: fc.tuple(small(1, 3), channels, small(1, 4), small(1, 5)),
  margin,
});
const plain: fc.Arbitrary<Shaped> = fc.record({
  shape: fc.oneof(fc.tuple(small(1, 90)), fc.tuple(small(1, 3), small(1, 4), small(1, 5))),
  margin: fc.constant(null),
});
const rows = fc.oneof(matrix, map);
const any = fc.oneof(matrix, map, plain);

const cast = (engine: (x: F.Tensor) => F.Tensor): Property =>
  property(
    any,
    ({ shape, margin }, dtype) => ({
      inputs: [operand(shape, dtype, margin)],
      run: ([x]) => [engine(x)],
      reference: ([x]) => [x],
    }),
    { half: true },
  );

/** Another shape of so many elements: its axes drawn one after the other among what divides the rest. */
function regrouped(size: number, picks: readonly number[]): number[] {
  const shape: number[] = [];
  let rest = size;
  for (const pick of picks) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
    const d = divisors[pick % divisors.length];
    shape.push(d);
    rest /= d;
  }
  return [...shape, rest];
}

const reshape = property(
  fc.record({ of: any, picks: fc.array(fc.nat(12), { maxLength: 3 }) }),
  ({ of: { shape, margin }, picks }, dtype) => {
    const to = regrouped(
      shape.reduce((a, b) => a * b, 1),
      picks,
    );
    return { inputs: [operand(shape, dtype, margin)], run: ([x]) => [F.reshape(x, to)], reference: ([x]) => [x] };
  },
  { half: true },
);

const flatten = property(fc.record({ of: any, start: fc.nat(3) }), ({ of: { shape, margin }, start }, dtype) => ({
  inputs: [operand(shape, dtype, margin)],
  run: ([x]) => [F.flatten(x, start % shape.length)],
  reference: ([x]) => [x],
}));

const transpose = property(
  matrix,
  ({ shape, margin }, dtype) => ({
    inputs: [operand(shape, dtype, margin)],
    run: ([x]) => [F.transpose(x)],
    reference: ([x]) => [
      Array.from({ length: x.length }, (_, i) => x[(i % shape[0]) * shape[1] + Math.floor(i / shape[0])]),
    ],
  }),
  { examples: [{ shape: [65_537, 2], margin: null }] },
);

/** Of each tensor its channels, one after the other. */
function joined(shapes: readonly (readonly number[])[], xs: readonly (readonly Scalar[])[]): Scalar[] {
  const pixels = shapes[0].slice(2).reduce((a, b) => a * b, 1);
  return Array.from({ length: shapes[0][0] }, (_, n) =>
    xs.flatMap((x, i) => x.slice(n * shapes[i][1] * pixels, (n + 1) * shapes[i][1] * pixels)),
  ).flat();
}

const concat = property(
  fc.record({ of: rows, more: fc.array(fc.record({ c: channels, margin }), { maxLength: 2 }), twice: fc.boolean() }),
  ({ of: { shape, margin }, more, twice }, dtype) => {
    const [n, c, ...map] = shape;
    const inputs: Input[] = [operand(shape, dtype, margin)];
    for (const other of more) inputs.push(operand([n, other.c, ...map], dtype, other.margin));
    if (twice) {
      // Two views of one memory that overlap in all but a channel each.
      const base: Base = { shape: [n, c + 1, ...map], dtype };
      inputs.push({ base, channels: [0, c] }, { base, channels: [1, c + 1] });
    }
    return { inputs, run: (xs) => [F.concat(xs)], reference: (xs) => [joined(inputs.map(shapeOf), xs)] };
  },
  { half: true },
);

const padChannels = property(
  fc.record({ of: rows, before: small(0, 5), after: small(0, 5) }),
  ({ of: { shape, margin }, before, after }, dtype) => {
    const [n, , ...map] = shape;
    const zeros = (c: number): Scalar[] =>
      Array.from({ length: n * c * map.reduce((a, b) => a * b, 1) }, () => constant(0));
    const shapes = [[n, before, ...map], shape, [n, after, ...map]];
    return {
      inputs: [operand(shape, dtype, margin)],
      run: ([x]) => [F.padChannels(x, before, after)],
      reference: ([x]) => [joined(shapes, [zeros(before), x, zeros(after)])],
    };
  },
);

/** A slice of a slice, through an op that reads it and back into a value that others look at too. */
const sliceChannels = property(
  fc.record({ of: rows, from: small(0, 4), to: small(0, 4) }),
  ({ of: { shape, margin }, from, to }, dtype) => {
    const [n, c, ...map] = shape;
    const [first, last] = [from % c, c - (to % (c - (from % c)))];
    const pixels = map.reduce((a, b) => a * b, 1);
    return {
      inputs: [operand(shape, dtype, margin)],
      run: ([x]) => [F.mul(F.sliceChannels(x, first, last), 2)],
      reference: ([x]) => [
        Array.from({ length: n }, (_, i) => x.slice((i * c + first) * pixels, (i * c + last) * pixels))
          .flat()
          .map((v) => multiply(constant(2), v)),
      ],
    };
  },
);

function reduction(engine: typeof F.sum, finish: (sum: Scalar, count: number) => Scalar): Property {
  return property(
    fc.record({ of: any, over: fc.oneof(fc.constant(null), fc.nat(15)), keepdim: fc.boolean(), behind: fc.boolean() }),
    ({ of: { shape, margin }, over, keepdim, behind }, dtype) => {
      const axes = shape.map((_, d) => d).filter((d) => over === null || (over >> d) & 1);
      const named = axes.map((d) => (behind ? d - shape.length : d));
      const left = shape.map((n, d) => (axes.includes(d) ? 1 : n));
      return {
        inputs: [operand(shape, dtype, margin)],
        run: ([x]) => [engine(x, { ...(over !== null && { axes: named }), keepdim })],
        reference: ([x]) => {
          const y: Scalar[] = [];
          eachIndex(left, (index) => {
            const terms: Scalar[] = [];
            eachIndex(
              shape.map((n, d) => (axes.includes(d) ? n : 1)),
              (inner) =>
                terms.push(
                  at(
                    x,
                    shape,
                    index.map((i, d) => i + inner[d]),
                  ),
                ),
            );
            y.push(finish(add(...terms), terms.length));
          });
          return [y];
        },
      };
    },
    { examples: [{ of: { shape: [65_537], margin: null }, over: null, keepdim: false, behind: false }] },
  );
}

/** The finaliser of MurmurHash3. */
function fmix32(k: number): number {
  let h = k >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const dropout = property(
  fc.record({ of: any, p: fc.constantFrom(0.25, 0.5, 1), seed: fc.nat(), stream: fc.nat(99) }),
  ({ of: { shape, margin }, p, seed, stream }, dtype) => {
    const key = fmix32(seed + Math.imul(stream, 0x9e3779b9));
    const kept = (i: number): boolean => fmix32(key + Math.imul(i, 0x9e3779b9)) >>> 8 >= 2 ** 24 * p;
    const [_n, c, ...map] = shape;
    const pixels = map.reduce((a, b) => a * b, 1);
    const inRows = shape.length === 2 || shape.length === 4;
    /** Where an element lies in memory: rows of channels. */
    const place = (i: number): number => {
      if (!inRows) return i;
      const [image, channel, pixel] = [Math.floor(i / (c * pixels)), Math.floor(i / pixels) % c, i % pixels];
      return (image * pixels + pixel) * c + channel;
    };
    return {
      inputs: [operand(shape, dtype, margin)],
      run: ([x]) => [F.dropout(x, p, { seed, stream, training: true })],
      reference: ([x]) => [x.map((v, i) => (kept(place(i)) ? divide(v, constant(1 - p)) : multiply(constant(0), v)))],
    };
  },
);

export const SHAPES: Readonly<Record<string, Property>> = {
  half: cast((x) => (x.device.features.has('shader-f16') ? F.half(x) : x)),
  float: cast(F.float),
  reshape,
  flatten,
  transpose,
  concat,
  padChannels,
  sliceChannels,
  sum: reduction(F.sum, (sum) => sum),
  mean: reduction(F.mean, (sum, count) => divide(sum, constant(count))),
  dropout,
};
