/** An axis of a strided walk: how many steps, and what each step is for every operand, in elements. */
export interface Axis {
  readonly size: number;
  readonly strides: readonly number[];
}

/** At most four axes, outermost first, filled up in front with axes of size 1; the last `rank` count. */
export interface MergedAxes {
  readonly rank: number;
  readonly axes: readonly [Axis, Axis, Axis, Axis];
}

/**
 * The same walk, outermost axis first, in as few axes as its operands allow, for the kernels that include axes.wgsl.
 * @throws Error when it takes more than four.
 */
export function mergeAxes(axes: readonly Axis[], operands: number): MergedAxes {
  const merged: Axis[] = [];
  for (const inner of axes) {
    if (inner.size === 1) continue;
    const outer = merged.at(-1);
    if (outer?.strides.every((s, k) => s === inner.size * inner.strides[k]))
      merged[merged.length - 1] = { size: outer.size * inner.size, strides: inner.strides };
    else merged.push(inner);
  }
  const rank = merged.length;
  if (rank > 4) throw new Error(`a walk over ${rank} axes, at most 4 are supported`);
  const unit: Axis = { size: 1, strides: new Array(operands).fill(0) };
  const [a, b, c, d] = [...new Array<Axis>(4 - rank).fill(unit), ...merged];
  return { rank, axes: [a, b, c, d] };
}

export const stepsOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1);

/**
 * Elements that a lane can take at once: 4 where the innermost axis is contiguous for every operand and all else (other
 * axes and `offsets`) moves by multiples of 4.
 */
export function axesWidth(axes: readonly Axis[], offsets: readonly number[]): 4 | 1 {
  const inner = axes.at(-1);
  if (!inner || inner.size % 4 !== 0 || inner.strides.some((s) => s !== 1)) return 1;
  const others = axes.slice(0, -1).flatMap((a) => [...a.strides]);
  return [...offsets, ...others].every((s) => s % 4 === 0) ? 4 : 1;
}

/** The same axes counted in vectors of `width` elements. */
export function inVectors(axes: readonly Axis[], width: 4 | 1): Axis[] {
  if (width === 1) return [...axes];
  return axes.map((a, i) => {
    if (i === axes.length - 1) return { size: a.size / width, strides: a.strides };
    return { size: a.size, strides: a.strides.map((s) => s / width) };
  });
}
