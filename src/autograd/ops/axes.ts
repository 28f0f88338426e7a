import { InputError } from '../../base/errors';
import type { Axis } from '../../kernels/launch/axes';
import type { Tensor } from '../tensor';

/** Steps in memory of each axis of a tensor's shape. With layout.ts, the places that know how a layout lies. */
export function strides(t: Tensor): number[] {
  const [d0, d1 = 1, d2 = 1, d3 = 1] = t.shape;
  if (t.layout === 'rows') return [d2 * d3 * t.stride, 1, d3 * t.stride, t.stride].slice(0, t.shape.length);
  if (t.layout === 'taps') return [1, d0, d3 * d1 * d0, d1 * d0];
  const steps: number[] = [];
  for (let d = t.shape.length - 1, step = 1; d >= 0; step *= t.shape[d--]) steps[d] = step;
  return steps;
}

/** Steps in t's memory of each axis of y, whose shape t is broadcast to: 0 where t is repeated. */
export function stridesIn(t: Tensor, y: Tensor): number[] {
  const own = strides(t);
  const lead = y.shape.length - t.shape.length;
  return y.shape.map((_, d) => (d < lead || t.shape[d - lead] === 1 ? 0 : own[d - lead]));
}

/** The axes of a contiguous y in its order in memory, outermost first, with the strides of the operands. */
export function memoryAxes(y: Tensor, operands: readonly Tensor[]): Axis[] {
  const order = strides(y);
  const steps = operands.map((t) => stridesIn(t, y));
  return y.shape
    .map((size, d) => ({ size, strides: steps.map((s) => s[d]), order: order[d] }))
    .sort((p, q) => q.order - p.order)
    .map(({ size, strides }) => ({ size, strides }));
}

/** NumPy's rule. @throws InputError when the shapes do not fit each other. */
export function broadcastShapes(op: string, a: Tensor, b: Tensor): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  if (rank > 4) throw new InputError(`${op}: broadcasting takes shapes of at most 4 axes, found ${a} and ${b}`);
  return Array.from({ length: rank }, (_, d) => {
    const p = a.shape[d - rank + a.shape.length] ?? 1;
    const q = b.shape[d - rank + b.shape.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1)
      throw new InputError(`${op}: ${a} and ${b} do not fit: axis ${d} is ${p} and ${q}`);
    return Math.max(p, q);
  });
}
