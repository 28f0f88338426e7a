// Histograms as outlines, and what gradients' norms say of layers.
import type { Figure, PageSpread } from '../protocol';

/** Whether there is something to draw. */
export const drawable = (spread: PageSpread | null): spread is PageSpread =>
  spread !== null && spread.counts.length > 0 && Number.isFinite(spread.from) && Number.isFinite(spread.to);

/**
 * The outline of a histogram, as steps, closed along its floor.
 * @param from what x = 0 stands for, and `to` what x = width does
 * @param most the count that is `height` high; default: its own largest
 */
export function outline(
  { from, to, counts }: PageSpread,
  width: number,
  height: number,
  range: { readonly from: number; readonly to: number } = { from, to },
  most = Math.max(...counts),
): string {
  const span = range.to - range.from;
  // A single value is a bar in the middle.
  const x = (v: number): number => (span > 0 ? ((v - range.from) / span) * width : width / 2);
  const [first, last] = to > from ? [x(from), x(to)] : [x(from) - 1, x(from) + 1];
  const step = (last - first) / counts.length;
  const f = (v: number): string => String(Math.round(10 * v) / 10);
  let path = `M${f(first)} ${height}`;
  let drawn = Number.NaN;
  for (const [bin, n] of counts.entries()) {
    const y = Math.round(10 * (most > 0 ? height * (1 - Math.min(1, n / most)) : height)) / 10;
    if (y !== drawn) path += `${bin === 0 ? '' : `H${f(first + bin * step)}`}V${y}`;
    drawn = y;
  }
  return `${path}H${f(last)}V${height}Z`;
}

/** The range that holds all of them; null: there is none. */
export function commonRange(
  spreads: readonly (PageSpread | null)[],
): { readonly from: number; readonly to: number } | null {
  const known = spreads.filter(drawable);
  if (known.length === 0) return null;
  return { from: Math.min(...known.map(({ from }) => from)), to: Math.max(...known.map(({ to }) => to)) };
}

/** A layer's gradient beside its weights that is so many times less or more than the middle layer's is named: as `gradcheck` has it. */
export const FAR = 1000;

export type Health = 'vanishing' | 'exploding' | 'no gradient' | 'not finite' | null;

/** What is looked at of a layer. */
interface Gradients {
  readonly weights: PageSpread | null;
  readonly gradients: PageSpread | null;
  readonly gradient_norm: Figure;
}

/** What stands out among the gradients of a network's layers; null: nothing does, or none was taken. */
export function healths(layers: readonly Gradients[]): Health[] {
  const size = ({ mean, std }: PageSpread): number => Math.hypot(mean, std);
  const ratios = layers.map(({ weights, gradients }) =>
    weights && gradients && size(weights) > 0 ? size(gradients) / size(weights) : Number.NaN,
  );
  const known = ratios.filter((ratio) => ratio > 0).sort((a, b) => a - b);
  const middle = known[known.length >> 1];
  return layers.map(({ gradient_norm: norm, gradients }, i) => {
    if (norm === null) return gradients === null ? null : 'not finite';
    if (norm === 0) return 'no gradient';
    return ratios[i] < middle / FAR ? 'vanishing' : ratios[i] > middle * FAR ? 'exploding' : null;
  });
}

/** Powers of ten around the values: exponents of the lowest and the highest, at least one apart. */
export function decades(values: readonly number[]): readonly [low: number, high: number] {
  const logs = values.filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
  if (logs.length === 0) return [-1, 0];
  const low = Math.floor(Math.min(...logs));
  return [low, Math.max(low + 1, Math.ceil(Math.max(...logs)))];
}
