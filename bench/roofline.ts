// How near works come to what the adapter can do: a work takes at least its flop at the peak rate, and at least its bytes at
// the peak bandwidth (Williams, Waterman and Patterson 2009).
import type { Peaks } from '../src/kernels/peaks';
import {
  BLUE,
  draw,
  FAINT,
  GREEN,
  heading,
  INK,
  ORANGE,
  type Picture,
  PURPLE,
} from '../src/train/reports/charts/canvas';

/** A work with its time and the least time that the adapter's peaks allow, in milliseconds. */
export interface Placed {
  readonly name: string;
  readonly family: string;
  readonly flop: number;
  readonly bytes: number;
  readonly ms: number;
  readonly bound: number;
}

/** Milliseconds that the work takes at least on an adapter of these peaks. */
export const boundMs = ({ flop, bytes }: { flop: number; bytes: number }, { gflops, gbps }: Peaks): number =>
  Math.max(flop / gflops, bytes / gbps) / 1e6;

const GROUPS: readonly (readonly [name: string, color: string, symbol: string])[] = [
  ['conv forward', BLUE, 'circle'],
  ['conv backward_data', ORANGE, 'circle'],
  ['conv backward_weight', GREEN, 'circle'],
  ['matmul', PURPLE, 'diamond'],
];

/**
 * Left, works of arithmetic: GFLOP/s against flop a byte, under the adapter's roof. Right, works of memory: GB/s against the
 * bytes that they move, under the adapter's bandwidth. Both axes are logarithmic.
 */
export function drawRoofline(works: readonly Placed[], peaks: Peaks, subtitle: string): Promise<Picture> {
  const [wide, high, top] = [560, 470, 118];
  const arithmetic = works.filter((w) => w.flop > 0 && w.bytes > 0);
  const memory = works.filter((w) => w.flop === 0);
  const intensities = arithmetic.map((w) => w.flop / w.bytes);
  const [from, to] = [Math.min(1, ...intensities) / 1.3, Math.max(64, ...intensities) * 1.3];
  const sizes = memory.map((w) => w.bytes / 2 ** 20);
  const [smallest, largest] = [Math.min(0.1, ...sizes) / 1.3, Math.max(10, ...sizes) * 1.3];
  const ridge = peaks.gflops / peaks.gbps;
  const roof = [from, ridge, to]
    .filter((x) => x >= from && x <= to)
    .map((x) => [x, Math.min(peaks.gflops, x * peaks.gbps)]);
  const groups = GROUPS.map(([name, color, symbol]) => {
    const data = arithmetic
      .filter((w) => w.family.startsWith(name))
      .map((w) => [w.flop / w.bytes, w.flop / w.ms / 1e6]);
    return { ...points(0, name, color, symbol), data };
  });
  const passes = memory.map((w) => [w.bytes / 2 ** 20, w.bytes / w.ms / 1e6]);
  const left = (panel: number): number => 70 + panel * wide;
  return draw(2 * wide + 24, high, {
    title: [
      { text: 'Arithmetic', subtext: subtitle, ...title(left(0)) },
      { text: 'Memory', subtext: 'statistics, normalisation, pools, shortcuts, graph, optimizer', ...title(left(1)) },
    ],
    legend: {
      data: GROUPS.map(([name]) => name),
      left: left(0),
      top: 78,
      padding: 0,
      itemGap: 18,
      textStyle: { color: INK },
    },
    grid: [0, 1].map((i) => ({ left: left(i), top, width: wide - 100, height: high - top - 56 })),
    xAxis: [axis(0, 'flop a byte', from, to), axis(1, 'MiB read and written', smallest, largest)],
    yAxis: [axis(0, 'GFLOP/s'), axis(1, 'GB/s')],
    series: [
      ...groups,
      line(0, roof),
      { ...points(1, 'passes', BLUE, 'circle'), data: passes },
      line(
        1,
        [smallest, largest].map((x) => [x, peaks.gbps]),
      ),
    ],
  });
}

const title = (left: number) => ({
  ...{ left, top: 16, padding: 0, textStyle: heading(16), subtextStyle: { color: INK, fontSize: 12 } },
});

const axis = (gridIndex: number, name: string, min?: number, max?: number) => ({
  ...{ gridIndex, type: 'log', name, nameLocation: 'middle', nameGap: 34, min, max },
  nameTextStyle: { color: INK, fontSize: 12 },
  axisLabel: {
    color: INK,
    showMinLabel: false,
    showMaxLabel: false,
    formatter: (value: number) => String(Number(value.toPrecision(2))),
  },
  axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: FAINT } },
});

const points = (panel: number, name: string, color: string, symbol: string) => ({
  ...{ name, type: 'scatter', xAxisIndex: panel, yAxisIndex: panel, symbol, symbolSize: 7 },
  itemStyle: { color, opacity: 0.75 },
});

const line = (panel: number, data: readonly number[][]) => ({
  ...{ type: 'line', xAxisIndex: panel, yAxisIndex: panel, data, showSymbol: false, silent: true },
  lineStyle: { width: 2, color: INK },
});
