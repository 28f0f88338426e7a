import { BLUE, draw, FAINT, heading, INK, ORANGE, type Picture } from './canvas';

/** Valence and arousal of N samples, N x 2: what is true and what was predicted, in two panels of the same square. */
export function drawValenceArousal(truth: ArrayLike<number>, predicted: ArrayLike<number>): Promise<Picture> {
  const [side, top, gap] = [360, 64, 76];
  const panels = [
    { title: 'True', values: truth, color: BLUE },
    { title: 'Predicted', values: predicted, color: ORANGE },
  ];
  const left = (panel: number) => 64 + panel * (side + gap);
  const axis = (gridIndex: number, name: string) => ({
    gridIndex,
    type: 'value',
    min: -1,
    max: 1,
    interval: 0.5,
    name,
    nameLocation: 'middle',
    nameGap: 34,
    nameTextStyle: { color: INK, fontSize: 12 },
    axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
    axisLabel: { color: INK },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: FAINT } },
  });
  return draw(64 + 2 * side + gap + 24, top + side + 60, {
    title: panels.map(({ title }, i) => ({ text: title, left: left(i), top: 20, padding: 0, textStyle: heading(16) })),
    grid: panels.map((_, i) => ({ left: left(i), top, width: side, height: side })),
    xAxis: panels.map((_, i) => axis(i, 'valence')),
    yAxis: panels.map((_, i) => axis(i, 'arousal')),
    series: panels.map(({ values, color }, i) => ({
      type: 'scatter',
      xAxisIndex: i,
      yAxisIndex: i,
      // What lies outside the square is drawn on its edge.
      data: Array.from({ length: values.length / 2 }, (_, k) => [inside(values[2 * k]), inside(values[2 * k + 1])]),
      symbolSize: 5,
      itemStyle: { color, opacity: 0.55 },
    })),
  });
}

const inside = (v: number): number => Math.min(1, Math.max(-1, v));
