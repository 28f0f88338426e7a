// The rules by which a result is held to PyTorch's: the table "Tolerances" of test/golden/README.md.

export type Numbers = ArrayLike<number>;

/** PyTorch's own float32 error against float64 (own), from a golden's metadata. */
export interface Own {
  relL2: number;
  maxAbs: number;
}

/**
 * Relative L2 error <= factor * own + floor; where `each` is given also, of every element, absolute error <=
 * each[0] * own + each[1] * the largest reference value.
 */
export interface Rule {
  factor: number;
  floor: number;
  each?: readonly [factor: number, floor: number];
}

export const STORED: Rule = { factor: 4, floor: 3e-7, each: [8, 4e-7] };
export const ONE_NUMBER: Rule = { factor: 4, floor: 1e-6 };
export const LOGITS_TRAIN: Rule = { factor: 4, floor: 5e-6 };
export const LOGITS_EVAL: Rule = { factor: 4, floor: 2e-6 };
export const ACTIVATION: Rule = { factor: 4, floor: 1e-5 };

/** `final.*` of trajectories: the factor and floor of their losses. */
export const FINAL: Rule = { factor: 10, floor: 3e-6 };
/** A model's losses: absolute, factor * own + floor. */
export const LOSS: Rule = { factor: 4, floor: 4e-6 };
/** A projection adds what the norm averages: the digest's `dot` is given three times the norm's room. */
export const DOT_ROOM = 3;

/** The outcome of one comparison. It passes when `fraction`, the error as a part of what is allowed, is at most 1. */
export interface Check {
  tensor: string;
  maxAbs: number;
  relL2: number;
  /** PyTorch's own relative L2 error, 0 where the golden names none. */
  own: number;
  fraction: number;
  /** What is wrong beyond figures. */
  problem?: string;
}

export const passes = (c: Check): boolean => c.problem === undefined && c.fraction <= 1;

/** A check that failed without figures. */
export const failure = (tensor: string, problem: string): Check => ({
  tensor,
  maxAbs: Number.NaN,
  relL2: Number.NaN,
  own: 0,
  fraction: Number.POSITIVE_INFINITY,
  problem,
});

/** `error` as a part of `limit`: 0 where there is no error, infinite where none is allowed, and for NaN. */
export function part(error: number, limit: number): number {
  if (error === 0) return 0;
  return Number.isNaN(error) || Number.isNaN(limit) ? Number.POSITIVE_INFINITY : error / limit;
}

/** Equal values differ by 0, infinities and a NaN expected as such among them. */
const difference = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(a - b));

export function norm(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** Math.max without its habit of a stack overflow for long arrays; NaN wins. */
export function largest(values: Numbers): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    const v = Math.abs(values[i]);
    if (Number.isNaN(v)) return v;
    if (v > max) max = v;
  }
  return max;
}

interface Distance {
  maxAbs: number;
  relL2: number;
}

/** Largest absolute and relative L2 difference; relative to `scale` in place of the reference where one is given. */
export function distance(got: Numbers, ref: Numbers, scale: Numbers = ref): Distance {
  const d = Float64Array.from({ length: ref.length }, (_, i) => difference(got[i], ref[i]));
  const size = norm(scale);
  return { maxAbs: largest(d), relL2: norm(d) / (size > 0 ? size : 1) };
}

/** Holds a tensor to its stored reference. `scale` (batch norm's means) stands in for the reference's size. */
export function compareStored(
  tensor: string,
  got: Numbers,
  ref: Numbers,
  own: Own,
  rule: Rule = STORED,
  scale: Numbers = ref,
): Check {
  if (got.length !== ref.length) return failure(tensor, `${got.length} elements, expected ${ref.length}`);
  const { maxAbs, relL2 } = distance(got, ref, scale);
  let fraction = part(relL2, rule.factor * own.relL2 + rule.floor);
  if (rule.each) {
    fraction = Math.max(fraction, part(maxAbs, rule.each[0] * own.maxAbs + rule.each[1] * largest(scale)));
  }
  return { tensor, maxAbs, relL2, own: own.relL2, fraction };
}

/** Holds one figure (a norm, a dot product) to `limit`, an absolute error; relL2 is relative to `size`. */
export function compareFigure(
  tensor: string,
  got: number,
  ref: number,
  { size = Math.abs(ref), own = 0, limit }: { size?: number; own?: number; limit: number },
): Check {
  const maxAbs = difference(got, ref);
  return {
    tensor,
    maxAbs,
    relL2: maxAbs === 0 ? 0 : maxAbs / (size > 0 ? size : 1),
    own,
    fraction: part(maxAbs, limit),
  };
}

/** Integers, bytes, names: every element equal. */
export function compareExact(tensor: string, got: Numbers, ref: Numbers): Check {
  if (got.length !== ref.length) return failure(tensor, `${got.length} elements, expected ${ref.length}`);
  const { maxAbs, relL2 } = distance(got, ref);
  let wrong = 0;
  for (let i = 0; i < ref.length; i++) if (got[i] !== ref[i]) wrong++;
  const check: Check = { tensor, maxAbs, relL2, own: 0, fraction: wrong > 0 ? Number.POSITIVE_INFINITY : 0 };
  return wrong > 0 ? { ...check, problem: `${wrong} of ${ref.length} differ` } : check;
}

/** Two lists of names, order included. */
export function compareNames(what: string, got: readonly string[], ref: readonly string[]): Check {
  const at = ref.findIndex((name, i) => name !== got[i]);
  if (at < 0 && got.length === ref.length) return { tensor: what, maxAbs: 0, relL2: 0, own: 0, fraction: 0 };
  const i = at < 0 ? ref.length : at;
  return failure(what, `entry ${i} is ${got[i] ?? 'missing'}, expected ${ref[i] ?? 'none'}`);
}
