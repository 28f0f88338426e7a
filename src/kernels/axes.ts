/** An axis of a strided walk: how many steps, and what each step is for every operand, in elements. */
export interface Axis {
  readonly size: number;
  readonly strides: readonly number[];
}

/**
 * The same walk, outermost axis first, in as few axes as its operands allow, made up to `rank` with axes of size 1.
 * @throws Error when it takes more than `rank` axes.
 */
export function mergeAxes(axes: readonly Axis[], rank: number, operands: number): Axis[] {
  const merged: Axis[] = [];
  for (const inner of axes) {
    if (inner.size === 1) continue;
    const outer = merged.at(-1);
    if (outer?.strides.every((s, k) => s === inner.size * inner.strides[k]))
      merged[merged.length - 1] = { size: outer.size * inner.size, strides: inner.strides };
    else merged.push(inner);
  }
  if (merged.length > rank) throw new Error(`a walk over ${merged.length} axes, at most ${rank} are supported`);
  const unit: Axis = { size: 1, strides: new Array(operands).fill(0) };
  return [...new Array(rank - merged.length).fill(unit), ...merged];
}

export const stepsOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1);
