import type { EpochRow } from '../../run/results';
import { BLUE, draw, FAINT, GREEN, heading, INK, legendName, ORANGE, type Picture, PURPLE } from './canvas';

/** One panel of curves. */
interface Panel {
  title: string;
  curves: { name: string; color: string; column: keyof EpochRow }[];
}

/** Curves of loss, accuracy and (where the model has them) valence/arousal CCC against the epoch. */
export async function drawResults(rows: readonly EpochRow[]): Promise<Picture> {
  const trainAndVal = (what: 'loss' | 'accuracy'): Panel['curves'] => [
    { name: 'training', color: BLUE, column: `train_${what}` },
    { name: 'validation', color: ORANGE, column: `val_${what}` },
  ];
  const panels: Panel[] = [
    { title: 'Loss', curves: trainAndVal('loss') },
    { title: 'Accuracy', curves: trainAndVal('accuracy') },
  ];
  if (rows.some((row) => row.val_ccc_valence !== null)) {
    panels.push({
      title: 'CCC on the validation set',
      curves: [
        { name: 'valence', color: GREEN, column: 'val_ccc_valence' },
        { name: 'arousal', color: PURPLE, column: 'val_ccc_arousal' },
      ],
    });
  }
  const [wide, high, top, bottom] = [430, 390, 76, 56];
  const left = (panel: number) => 16 + panel * wide + 52;
  return draw(16 + panels.length * wide + 8, high, {
    title: panels.map(({ title }, i) => ({ text: title, left: left(i), top: 16, padding: 0, textStyle: heading(16) })),
    legend: panels.map(({ curves }, i) => ({
      data: curves.map(({ name }) => legendName(i, name)),
      formatter: (name: string) => name.slice(name.indexOf(' ') + 1),
      left: left(i),
      top: 42,
      padding: 0,
      itemGap: 18,
      itemWidth: 22,
      itemHeight: 7,
      textStyle: { color: INK, fontSize: 12 },
    })),
    grid: panels.map((_, i) => ({ left: left(i), top, width: wide - 76, height: high - top - bottom })),
    xAxis: panels.map((_, i) => ({
      gridIndex: i,
      type: 'value',
      // One epoch alone is a point in the middle.
      min: rows.length > 1 ? 1 : 0,
      max: Math.max(rows.length, 2),
      minInterval: 1,
      name: 'epoch',
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: INK, fontSize: 12 },
      axisLabel: {
        color: INK,
        hideOverlap: true,
        formatter: (value: number) => (value >= 1 && value <= rows.length ? String(value) : ''),
      },
      axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
      axisTick: { show: true },
      splitLine: { show: false },
    })),
    yAxis: panels.map((_, i) => ({
      gridIndex: i,
      type: 'value',
      scale: true,
      minInterval: 0.05,
      axisLabel: { color: INK, formatter: (value: number) => String(Number(value.toFixed(4))) },
      splitLine: { lineStyle: { color: FAINT } },
    })),
    series: panels.flatMap(({ curves }, i) =>
      curves.map(({ name, color, column }) => ({
        name: legendName(i, name),
        type: 'line',
        xAxisIndex: i,
        yAxisIndex: i,
        data: rows.map((row) => [row.epoch, finite(row[column])]),
        symbol: 'circle',
        // Points where there are few, else a line alone.
        showSymbol: rows.length <= 30,
        symbolSize: 6,
        lineStyle: { width: 2, color },
        itemStyle: { color },
      })),
    ),
  });
}

const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);
