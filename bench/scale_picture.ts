/** The original's networks. */
export const SCALED = ['densenet', 'bregnext'] as const;
export type Scaled = (typeof SCALED)[number];

import { BLUE, draw, FAINT, heading, INK, ORANGE, type Picture } from '../src/train/reports/charts/canvas';

/** A training step of one size: milliseconds (null where it was not run) and the most device memory. */
export interface Point {
  readonly adapter: string;
  readonly network: Scaled;
  readonly size: number;
  readonly batch: number;
  readonly ms: number | null;
  readonly bytes: number;
}

/** Where one of both is held: `at` pixels, or batches of `of`. */
type Held = Readonly<Record<Scaled, { readonly at: number; readonly of: number }>>;

const WIDE = 400;
const HIGH = 320;

/** Four panels: time (above) and memory (below), against the batch (left) and the pixels of an image (right). */
export function drawScale(points: readonly Point[], held: Held): Promise<Picture> {
  const networks = [...new Set(points.map((p) => p.network))];
  const panels = [
    { title: 'Time a step', unit: 'ms', x: 'batch', y: (p: Point) => p.ms },
    { title: 'Time a step', unit: 'ms', x: 'size', y: (p: Point) => p.ms },
    { title: 'Peak memory', unit: 'MiB', x: 'batch', y: (p: Point) => p.bytes / 2 ** 20 },
    { title: 'Peak memory', unit: 'MiB', x: 'size', y: (p: Point) => p.bytes / 2 ** 20 },
  ] as const;
  const left = (i: number): number => 76 + (i % 2) * WIDE;
  const top = (i: number): number => 92 + (i >> 1) * HIGH;
  const chosen = (network: Scaled, x: 'batch' | 'size'): Point[] => {
    const { at, of } = held[network];
    const batch = points.some((p) => p.network === network && p.size !== at && p.batch === of) ? of : 2;
    const mine = points.filter((p) => p.network === network && (x === 'batch' ? p.size === at : p.batch === batch));
    return mine.sort((a, b) => a[x] - b[x]);
  };
  const axis = {
    type: 'log',
    axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
    splitLine: { lineStyle: { color: FAINT } },
  };
  const label = { color: INK, formatter: (value: number) => String(Number(value.toPrecision(3))) };
  return draw(2 * WIDE + 24, 2 * HIGH + 60, {
    title: [
      {
        text: `Training steps of emotion_gcn, ${points[0].adapter}`,
        left: 24,
        top: 12,
        padding: 0,
        textStyle: heading(15),
      },
      ...panels.map(({ title, unit, x }, i) => ({
        text: `${title}, ${unit}, by ${x === 'batch' ? 'batch' : 'pixels of an image'}`,
        ...{ left: left(i), top: top(i) - 28, padding: 0, textStyle: heading(13) },
      })),
    ],
    legend: { data: networks, right: 24, top: 36, padding: 0, textStyle: { color: INK } },
    grid: panels.map((_, i) => ({ left: left(i), top: top(i), width: WIDE - 92, height: HIGH - 96 })),
    xAxis: panels.map(({ x }, i) => ({
      ...{ ...axis, gridIndex: i, logBase: 2, axisLabel: { ...label, hideOverlap: true } },
      ...{
        name: x === 'batch' ? 'images' : 'pixels a side, squared',
        nameLocation: 'middle',
        nameGap: 26,
        nameTextStyle: { color: INK },
      },
      ...(x === 'size' ? { min: 512, max: 65536 } : {}),
    })),
    yAxis: panels.map((_, i) => ({ ...axis, gridIndex: i, axisLabel: label })),
    series: panels.flatMap(({ x, y }, i) =>
      networks.map((network) => ({
        ...{ name: network, type: 'line', xAxisIndex: i, yAxisIndex: i, symbol: 'circle', symbolSize: 6 },
        data: chosen(network, x)
          .filter((p) => y(p) !== null)
          .map((p) => [x === 'batch' ? p.batch : p.size ** 2, y(p)]),
        itemStyle: { color: network === 'densenet' ? BLUE : ORANGE },
        lineStyle: { width: 2 },
      })),
    ),
  });
}
