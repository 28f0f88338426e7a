// What stands in a place of a table, however it is written.

/** Why a row is bad. */
export class RowError extends Error {}

/** Larger numbers are no positions and no labels. */
const FAR = 1e6;
/** Classes have small numbers. */
const MAX_CLASS = 1000;

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

/** @throws RowError naming the column */
export function numberOf(column: string, value: unknown): number {
  const n = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (!(Math.abs(n) <= FAR)) throw new RowError(`${column}: expected a number, found ${show(value)}`);
  return n;
}

/** The number of a class, maybe of none that is told apart. @throws RowError */
export function classNumberOf(column: string, value: unknown): number {
  const n = numberOf(column, value);
  if (!Number.isInteger(n)) throw new RowError(`${column}: expected an integer, found ${value}`);
  if (Math.abs(n) > MAX_CLASS) throw new RowError(`${column}: expected a class, found ${n}`);
  return n;
}

/** Valence or arousal, -1 .. 1; NaN: none, which AffectNet marks by -2. @throws RowError */
export function unitOf(column: string, value: unknown): number {
  if (value === undefined || /^\s*(|-2(\.0*)?|nan)\s*$/i.test(String(value))) return Number.NaN;
  const n = numberOf(column, value);
  if (n < -1 || n > 1) throw new RowError(`${column}: expected -1 .. 1, found ${value}`);
  return n;
}
