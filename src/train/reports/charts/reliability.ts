import type { ReliabilityBin } from '../../measures/calibration';
import { BLUE, draw, FAINT, heading, INK, ORANGE, type Picture, percent } from './canvas';

/** A reliability diagram: how often a network is right where it is so sure, and how often it is so sure. */
export function drawReliability(bins: readonly ReliabilityBin[], ece: number): Promise<Picture> {
  const [width, high, low, left, top, gap] = [500, 320, 90, 84, 84, 44];
  const samples = bins.reduce((n, bin) => n + bin.samples, 0);
  const axis = (gridIndex: number, name: string) => ({
    gridIndex,
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: INK, fontSize: 12 },
    axisLabel: { color: INK },
    axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
    splitLine: { lineStyle: { color: FAINT } },
  });
  // Bars stand between the ticks of a category axis, the line of perfect calibration goes through their middles.
  const x = (gridIndex: number, name: string) => ({
    ...axis(gridIndex, name),
    type: 'category',
    data: bins.map(({ to }) => to.toFixed(2)),
    nameGap: 28,
    axisLabel: { color: INK, fontSize: 10, interval: 0 },
    splitLine: { show: false },
  });
  const y = (gridIndex: number, name: string, max: number | undefined) => ({
    ...axis(gridIndex, name),
    type: 'value',
    min: 0,
    max,
    nameGap: 44,
    axisLabel: { color: INK, formatter: (value: number) => `${Math.round(100 * value)} %` },
  });
  return draw(left + width + 24, top + high + gap + low + 52, {
    title: {
      text: 'Reliability',
      subtext: `expected calibration error ${percent(ece)}, ${samples} samples; line: as often right as sure`,
      left,
      top: 16,
      padding: 0,
      itemGap: 9,
      textStyle: heading(16),
      subtextStyle: { color: INK, fontSize: 12 },
    },
    grid: [
      { left, top, width, height: high },
      { left, top: top + high + gap, width, height: low },
    ],
    xAxis: [x(0, ''), x(1, 'confidence, up to')],
    yAxis: [y(0, 'said right', 1), y(1, 'samples', undefined)],
    series: [
      {
        type: 'bar',
        xAxisIndex: 0,
        yAxisIndex: 0,
        data: bins.map(({ accuracy }) => accuracy),
        barCategoryGap: '6%',
        itemStyle: { color: BLUE, opacity: 0.75 },
      },
      {
        type: 'line',
        xAxisIndex: 0,
        yAxisIndex: 0,
        data: bins.map(({ from, to }) => (from + to) / 2),
        symbol: 'none',
        lineStyle: { color: ORANGE, width: 2 },
      },
      {
        type: 'bar',
        xAxisIndex: 1,
        yAxisIndex: 1,
        data: bins.map((bin) => bin.samples / Math.max(samples, 1)),
        barCategoryGap: '6%',
        itemStyle: { color: INK, opacity: 0.45 },
      },
    ],
  });
}
