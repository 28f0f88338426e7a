// One random problem: what an op is given, computed by the engine and by the reference, and held to the reference's own bounds.
import { backward, readAll, sliceChannels, step, type Tensor, tensor } from '../../src/autograd';
import type { Layout } from '../../src/autograd/layout';
import { randomStream, randomUniform } from '../../src/base/random';
import { device } from '../gpu';
import { type Bounded, exactly, Sum, stored, toHalf } from './reference/accuracy';
import { constant, gradients, Scalar } from './reference/scalar';

export type Float = 'f32' | 'f16';

/** Memory with random numbers from `low` to `high`, of either sign where `signed`. */
export interface Base {
  readonly shape: readonly number[];
  readonly layout?: Layout;
  readonly dtype?: Float;
  readonly low?: number;
  readonly high?: number;
  readonly signed?: boolean;
  /** Nothing that has a gradient. */
  readonly fixed?: boolean;
}

/** All of a base, or some of its channels, [from, to). Several may look at one base. */
export interface Input {
  readonly base: Base;
  readonly channels?: readonly [number, number];
}

export function shapeOf({ base, channels }: Input): readonly number[] {
  if (!channels) return base.shape;
  const [n, , ...map] = base.shape;
  return [n, channels[1] - channels[0], ...map];
}

export interface Problem {
  readonly inputs: readonly Input[];
  /** What the engine makes of the inputs; the first is what gradients are taken of. */
  readonly run: (inputs: Tensor[]) => readonly Tensor[];
  /** The same in float64, in the logical order of shapes. */
  readonly reference: (inputs: Scalar[][]) => readonly (readonly Scalar[])[];
}

/** What is drawn for every op. */
export interface Setting {
  /** `grid`: eighths, whose sums are exact; `floats`: all that the type holds. */
  readonly numbers: 'grid' | 'floats';
  readonly seed: number;
  /** Backward passes, whose gradients add up. */
  readonly passes: 1 | 2;
  /** Bit i: base i wants no gradient, unless that leaves none that does. */
  readonly frozen: number;
}

/** Uniform numbers in [0, 1), one after the other. */
export function uniforms(name: string, seed: number): () => number {
  const stream = randomStream(name, seed);
  let i = 0;
  return () => randomUniform(stream, i++);
}

function numbersOf(
  { shape, dtype, low = -2, high = 2, signed }: Base,
  numbers: Setting['numbers'],
  next: () => number,
) {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    const share = next();
    const value = numbers === 'grid' ? low + Math.round(share * 8 * (high - low)) / 8 : low + share * (high - low);
    const rounded = dtype === 'f16' ? toHalf(value) : value;
    return signed && next() < 0.5 ? -rounded : rounded;
  });
}

/** For each element of an input its place in the base, both in logical order. */
function placesOf({ base: { shape }, channels }: Input): number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  if (!channels) return Array.from({ length: size }, (_, i) => i);
  const [from, to] = channels;
  const pixels = size / (shape[0] * shape[1]);
  const places: number[] = [];
  for (let n = 0; n < shape[0]; n++)
    for (let i = from * pixels; i < to * pixels; i++) places.push(n * shape[1] * pixels + i);
  return places;
}

/** What parts of a gradient come to, each stored as it is added. */
function accumulated(parts: readonly Bounded[], dtype: Float): Bounded {
  const sum = new Sum();
  for (const part of parts) {
    const { value, error } = stored(part, dtype);
    sum.add(value, error);
  }
  const { value, error } = sum.total();
  const size = parts.reduce((all, p) => all + Math.abs(p.value) + p.error, 0);
  const again = (parts.length - 1) * stored({ value: size, error: Number.MIN_VALUE }, dtype).error;
  return { value, error: error + (dtype === 'f16' ? again : 0) };
}

interface Result {
  readonly name: string;
  readonly found: Float32Array;
  readonly wanted: readonly Bounded[];
}

/** @throws Error that names the element which is furthest beyond its bound */
export async function solve(problem: Problem, { numbers, seed, passes, frozen }: Setting): Promise<void> {
  const { inputs, run, reference } = problem;
  const bases = [...new Set(inputs.map(({ base }) => base))];
  const next = uniforms('numbers', seed);
  const data = bases.map((base) => numbersOf(base, numbers, next));
  const all = bases.every(({ fixed }, i) => fixed || (frozen >> i) & 1);
  const wants = bases.map(({ fixed }, i) => !fixed && (all || !((frozen >> i) & 1)));

  // The engine.
  const upstreams: Float32Array[] = [];
  const { outputs, grads, types } = step(device, () => {
    const leaves = bases.map(({ shape, ...options }, i) =>
      tensor(device, data[i], shape, { ...options, requiresGrad: wants[i] }),
    );
    const views = inputs.map(({ base, channels }) => {
      const leaf = leaves[bases.indexOf(base)];
      return channels ? sliceChannels(leaf, ...channels) : leaf;
    });
    const made: { outputs: Promise<Float32Array[]>; types: Float[] }[] = [];
    for (let pass = 0; pass < passes; pass++) {
      const outs = run(views);
      made.push({ outputs: readAll(outs), types: outs.map((t) => (t.dtype === 'f16' ? 'f16' : 'f32')) });
      const [{ shape, layout, dtype, requiresGrad }] = outs;
      if (!requiresGrad) break;
      upstreams.push(numbersOf({ shape, dtype: dtype as Float }, numbers, next));
      backward(outs[0], tensor(device, upstreams[pass], shape, { layout, dtype }));
    }
    const wanted = leaves.filter((leaf) => leaf.requiresGrad).map(({ grad }) => grad);
    return { ...made[0], grads: readAll(wanted.filter((grad) => grad !== null)) };
  });
  const found = { outputs: await outputs, grads: await grads };

  // The reference.
  const leaves = data.map((values) => Array.from(values, constant));
  const places = inputs.map(placesOf);
  const uses = inputs.map(({ base }, i) =>
    places[i].map((at) => {
      const leaf = leaves[bases.indexOf(base)][at];
      return new Scalar(leaf, [leaf], [exactly(1)]);
    }),
  );
  const made = reference(uses);
  const results: Result[] = made.map((wanted, i) => ({
    name: i === 0 ? 'result' : `result ${i}`,
    found: found.outputs[i],
    wanted: wanted.map((y) => stored(y, types[i])),
  }));
  if (upstreams.length > 0) results.push(...gradientResults());
  const wrong = results.flatMap(({ name, found, wanted }) => disagreement(name, found, wanted) ?? []);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));

  function gradientResults(): Result[] {
    const parts = data.map((values) => Array.from(values, (): Bounded[] => []));
    for (const upstream of upstreams) {
      const own = gradients(made[0], upstream as unknown as number[], uses.flat());
      let at = 0;
      inputs.forEach(({ base }, i) => {
        for (const place of places[i]) parts[bases.indexOf(base)][place].push(own[at++]);
      });
    }
    const wanted = bases.flatMap((base, i) => (wants[i] ? [{ base, parts: parts[i], i }] : []));
    return wanted.map(({ base, parts, i }, k) => ({
      name: `gradient of base ${i}`,
      found: found.grads[k] ?? new Float32Array(),
      wanted: parts.map((p) => (p.length === 0 ? exactly(0) : accumulated(p, base.dtype ?? 'f32'))),
    }));
  }
}

/** What is furthest beyond its bound, in words. */
function disagreement(name: string, found: Float32Array, wanted: readonly Bounded[]): string | null {
  if (found.length !== wanted.length) return `${name}: found ${found.length} elements, expected ${wanted.length}`;
  let [worst, most] = [-1, 1];
  wanted.forEach(({ value, error }, i) => {
    // Of what is divided by what may be 0 nothing is known.
    if (!Number.isFinite(error)) return;
    const beyond = found[i] === value ? 0 : Math.abs(found[i] - value) / error;
    // A NaN must not pass.
    if (!(beyond <= most)) [worst, most] = [i, Number.isNaN(beyond) ? Number.POSITIVE_INFINITY : beyond];
  });
  if (worst < 0) return null;
  const { value, error } = wanted[worst];
  return `${name}[${worst}] is ${found[worst]}, expected ${value} +- ${error}: off by ${most} times that`;
}
