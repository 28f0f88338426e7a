// The reference: every number of a problem is a node of its own, which knows its value in float64, how far float32 may be from it, and
// what it was made of. Gradients are what a walk back over the nodes adds up, with bounds of their own.
import { type Bounded, exactly, LOG_NEAR_1, over, rounded, Sum, stored, times, ULP, within } from './accuracy';

const ONE = exactly(1);

/** A number, with the derivative by each number that it was made of. */
export class Scalar implements Bounded {
  readonly value: number;
  readonly error: number;

  constructor(
    { value, error }: Bounded,
    readonly from: readonly Scalar[] = [],
    readonly slopes: readonly Bounded[] = [],
    /** How its gradient is stored before it goes on. */
    readonly gradient: 'f32' | 'f16' = 'f32',
  ) {
    this.value = value;
    this.error = error;
  }
}

export const constant = (value: number): Scalar => new Scalar(exactly(value));

/** The same number, whose gradient is stored on its way. */
export const gradientStored = (x: Scalar, dtype: 'f32' | 'f16'): Scalar => new Scalar(x, [x], [ONE], dtype);

export function add(...terms: readonly Scalar[]): Scalar {
  const sum = new Sum();
  for (const t of terms) sum.add(t.value, t.error);
  return new Scalar(
    sum.total(),
    terms,
    terms.map(() => ONE),
  );
}

/** The sum of a[i] b[i]. */
export function dot(a: readonly Scalar[], b: readonly Scalar[]): Scalar {
  const sum = new Sum();
  a.forEach((x, i) => {
    const t = times(x, b[i]);
    sum.add(t.value, t.error);
  });
  return new Scalar(sum.total(), [...a, ...b], [...b, ...a]);
}

export const negative = (x: Scalar): Scalar => new Scalar({ value: -x.value, error: x.error }, [x], [exactly(-1)]);
export const subtract = (a: Scalar, b: Scalar): Scalar => add(a, negative(b));
export const multiply = (a: Scalar, b: Scalar): Scalar => new Scalar(times(a, b), [a, b], [b, a]);

export function divide(a: Scalar, b: Scalar): Scalar {
  const y = over(a, b);
  const by = over(y, b);
  return new Scalar(y, [a, b], [over(ONE, b), { value: -by.value, error: by.error }]);
}

/** f(x), whose derivative there is `slope`, to so many units. */
const apply = (x: Scalar, value: number, slope: Bounded, units: number): Scalar =>
  new Scalar(within(value, Math.abs(slope.value) * x.error, units), [x], [slope]);

export function exp(x: Scalar, units = ULP.exp(x.value)): Scalar {
  const value = Math.exp(x.value);
  const y = within(value, value * Math.expm1(x.error), units);
  return new Scalar(y, [x], [y]);
}

export function log(x: Scalar): Scalar {
  const value = Math.log(x.value);
  const slope = over(ONE, x);
  const near = x.value >= 0.5 && x.value <= 2;
  const y = near ? { value, error: LOG_NEAR_1 + x.error * 2 } : within(value, x.error / x.value, ULP.log);
  return new Scalar(y, [x], [slope]);
}

/** log(1 + x) of the engine's own, x >= 0. */
export const log1p = (x: Scalar): Scalar =>
  apply(x, Math.log1p(x.value), over(ONE, rounded(1 + x.value, x.error)), ULP.own);

export function sqrt(x: Scalar): Scalar {
  const value = Math.sqrt(x.value);
  return apply(x, value, over(exactly(0.5), within(value, x.error / (2 * value), ULP.sqrt)), ULP.sqrt);
}

/** 1 / sqrt(x) */
export function inverseSqrt(x: Scalar): Scalar {
  const value = 1 / Math.sqrt(x.value);
  const y = within(value, (0.5 * value * x.error) / (x.value - x.error), ULP.inverseSqrt);
  return new Scalar(y, [x], [times(exactly(-0.5), times(y, times(y, y)))]);
}

/** Any function by its value, derivative and the units that both are off by. */
export const custom = (x: Scalar, value: number, slope: number, units: number): Scalar =>
  apply(x, value, within(slope, 0, units), units);

/** `above` where z > 0, else `below`: where rounding may have taken z to the other side, either, so that both count as possible. */
export function choose(z: Bounded, above: Scalar, below: Scalar): Scalar {
  const [taken, other] = z.value > 0 ? [above, below] : [below, above];
  if (Math.abs(z.value) > z.error || z.error === 0) return taken;
  const error = Math.max(taken.error, other.error) + Math.abs(taken.value - other.value);
  const either = { value: 0.5, error: 0.5 };
  return new Scalar({ value: taken.value, error }, [taken, other], [either, either]);
}

/** The gradient of sum(upstream outputs) by each of `leaves`. */
export function gradients(
  outputs: readonly Scalar[],
  upstream: readonly number[],
  leaves: readonly Scalar[],
): readonly Bounded[] {
  const sums = new Map<Scalar, Sum>();
  const pass = (to: Scalar, { value, error }: Bounded): void => {
    let sum = sums.get(to);
    if (!sum) {
      sum = new Sum();
      sums.set(to, sum);
    }
    sum.add(value, error);
  };
  outputs.forEach((y, i) => {
    pass(y, exactly(upstream[i]));
  });
  for (const node of latestFirst(outputs)) {
    const sum = sums.get(node);
    if (!sum) continue;
    const own = stored(sum.total(), node.gradient);
    for (const [i, x] of node.from.entries()) pass(x, times(own, node.slopes[i]));
  }
  return leaves.map((x) => sums.get(x)?.total() ?? exactly(0));
}

/** All nodes that lead to the outputs, each before those that it was made of. */
function latestFirst(outputs: readonly Scalar[]): Scalar[] {
  const [order, seen] = [[] as Scalar[], new Set<Scalar>()];
  const stack: { node: Scalar; next: number }[] = [];
  const open = (node: Scalar): void => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const y of outputs) {
    open(y);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      if (top.next < top.node.from.length) open(top.node.from[top.next++]);
      else order.push((stack.pop() as { node: Scalar }).node);
    }
  }
  return order.reverse();
}
