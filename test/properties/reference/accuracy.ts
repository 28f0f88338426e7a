// What WGSL lets float32 be off by ("Floating Point Accuracy" in its specification), in units in the last place, and numbers that carry it.

/** A unit in the last place of a float32 is at most this much of the number: WGSL lets a sum or a product be either of its neighbours. */
export const UNIT = 2 ** -23;
/** Below it lie subnormal numbers, which a device may take for 0. */
const LEAST = 2 ** -126;
/** Half a unit of an f16, to the nearest of which `half` rounds, and of its least number. */
const HALF_UNIT = 2 ** -11;
const HALF_LEAST = 2 ** -25;

/** Units of what is not a sum or a product. */
export const ULP = {
  division: 2.5,
  inverseSqrt: 2,
  /** 1 / inverseSqrt(x) */
  sqrt: 4.5,
  log: 3,
  exp: (x: number): number => 3 + 2 * Math.abs(x),
  /** The engine's own exp and log(1 + x): see docs/numerics.md. */
  own: 2,
} as const;

/** log(x) is off by so much at most where x is from 0.5 to 2. */
export const LOG_NEAR_1 = 2 ** -21;

/** A number that float32 may miss by `error` at most. */
export interface Bounded {
  readonly value: number;
  readonly error: number;
}

export const exactly = (value: number): Bounded => ({ value, error: 0 });

/** What `units` roundings may add to what operands have brought along. */
const off = (value: number, inherited: number, units: number): number =>
  inherited + UNIT * units * (Math.abs(value) + inherited) + (units > 0 ? LEAST : 0);

/** `value`, computed to so many units from operands that make it miss by `inherited`. */
export const within = (value: number, inherited: number, units: number): Bounded => ({
  value,
  error: off(value, inherited, units),
});

/** A correctly rounded result: a number that float32 has is met exactly. */
export const rounded = (value: number, inherited = 0): Bounded =>
  within(value, inherited, inherited === 0 && Math.fround(value) === value ? 0 : 1);

export const times = (a: Bounded, b: Bounded): Bounded =>
  rounded(a.value * b.value, Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + a.error * b.error);

export function over(a: Bounded, b: Bounded): Bounded {
  const least = Math.abs(b.value) - b.error;
  const value = a.value / b.value;
  // Of a divisor that may be 0 nothing is known.
  if (!(least > 0)) return { value, error: Number.POSITIVE_INFINITY };
  return within(value, (a.error + Math.abs(value) * b.error) / least, ULP.division);
}

/** As it is stored: f16 rounds to the nearest. */
export function stored({ value, error }: Bounded, dtype: 'f32' | 'f16'): Bounded {
  if (dtype === 'f32' || (error === 0 && toHalf(value) === value)) return { value, error };
  return { value, error: error + HALF_UNIT * (Math.abs(value) + error) + HALF_LEAST };
}

/** The f16 next to a number, ties to even. */
export function toHalf(value: number): number {
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value) || 1)), -14) - 10);
  const whole = Math.floor(value / unit);
  const rest = value / unit - whole;
  return (rest > 0.5 || (rest === 0.5 && whole % 2 !== 0) ? whole + 1 : whole) * unit;
}

/** Multiples of 2^-12 below 2^12 add up exactly in float32, in any order. */
const GRID = 2 ** 12;

/**
 * The kernels close a sum after so many terms at most and add the closed ones up, so that a longer one rounds no term more often
 * than this and what there is of closed sums: docs/numerics.md.
 */
const CLOSED = 1024;
const roundings = (terms: number): number =>
  terms <= CLOSED ? Math.max(0, terms - 1) : CLOSED + roundings(Math.ceil(terms / CLOSED));

/** Adds up terms in whatever order: each is rounded along with what it is added to, so the bound is n UNIT times the sum of their sizes. */
export class Sum {
  private value = 0;
  private error = 0;
  private size = 0;
  private terms = 0;
  private exact = true;

  add(value: number, error: number): void {
    this.value += value;
    this.error += error;
    this.size += Math.abs(value) + error;
    this.terms++;
    this.exact &&= error === 0 && Number.isInteger(value * GRID);
  }

  total(): Bounded {
    if (this.exact && this.size < GRID) return exactly(this.value);
    const units = roundings(this.terms);
    return { value: this.value, error: this.error + UNIT * units * this.size + (units > 0 ? LEAST : 0) };
  }
}
