// The pictures of a run, as PNG. The chart library is slow to load, so this module is imported when it is needed.
import { HeatmapChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent, VisualMapComponent } from 'echarts/components';
import { type EChartsCoreOption, init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import sharp from 'sharp';
import { measureText, textToPaths } from './lettering';
import type { Metrics } from './metrics';
import type { EpochRow } from './results';

use([GridComponent, HeatmapChart, LegendComponent, LineChart, SVGRenderer, TitleComponent, VisualMapComponent]);
// The library would guess widths; it calls this with a CSS font.
setPlatformAPI({ measureText: (text: string, font?: string) => measureText(text, font) });

const INK = '#24292f';
const FAINT = '#d8dee4';
const BLUE = '#0969da';
const ORANGE = '#d4622a';
const GREEN = '#1a7f4b';
const PURPLE = '#8250df';

/** One panel of curves. */
interface Panel {
  title: string;
  curves: { name: string; color: string; column: keyof EpochRow }[];
}

/**
 * Curves of loss, accuracy and (where the model has them) valence/arousal CCC against the epoch.
 * @returns a PNG, 2 pixels a unit
 */
export async function drawResults(rows: readonly EpochRow[]): Promise<Buffer> {
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
  return render(16 + panels.length * wide + 8, high, {
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

/**
 * The confusion matrix: counts, coloured by the fraction of the true class.
 * @returns a PNG, 2 pixels a unit
 */
export async function drawConfusion(
  metrics: Pick<Metrics, 'classes' | 'confusion' | 'accuracy' | 'macro_f1'>,
): Promise<Buffer> {
  const { classes, confusion } = metrics;
  const names = Math.ceil(Math.max(...classes.map((name) => measureText(name, '13px').width)));
  const cell = Math.max(72, names + 12);
  const left = names + 64;
  const top = 112;
  const side = cell * classes.length;
  const figures =
    `accuracy ${percent(metrics.accuracy)}, macro F1 ${metrics.macro_f1.toFixed(3)}; ` +
    'colour and % are shares of a true class';
  const width = Math.max(side + 96, measureText(figures, '12px').width + 16);
  const cells = confusion.flatMap((row, t) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((count, p) => ({ value: [p, t, total === 0 ? 0 : count / total], count }));
  });
  const axis = (name: string, position: 'top' | 'left', nameGap: number) => ({
    type: 'category',
    data: classes,
    name,
    nameLocation: 'middle',
    nameGap,
    nameTextStyle: { color: INK, fontSize: 13, fontWeight: 'bold' },
    position,
    axisLabel: { color: INK, fontSize: 13, interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
  });
  return render(left + width, top + side + 28, {
    title: {
      text: 'Confusion matrix',
      subtext: figures,
      left,
      top: 18,
      padding: 0,
      itemGap: 9,
      textStyle: heading(17),
      subtextStyle: { color: INK, fontSize: 12 },
    },
    grid: { left, top, width: side, height: side },
    xAxis: axis('predicted', 'top', 32),
    yAxis: { ...axis('true', 'left', names + 22), inverse: true },
    visualMap: {
      min: 0,
      max: 1,
      dimension: 2,
      calculable: false,
      orient: 'vertical',
      left: left + side + 28,
      top: top - 31,
      itemHeight: side,
      itemWidth: 14,
      text: ['100 %', '0 %'],
      textStyle: { color: INK, fontSize: 11 },
      inRange: { color: ['#f6f8fa', '#a9cdef', '#3f84c9', '#1d5a9f', '#0a2f66'] },
    },
    series: [
      {
        type: 'heatmap',
        data: cells.map(({ value, count }) => ({
          value,
          label: {
            show: true,
            formatter: value[2] > 0 ? `{n|${count}}\n{p|${percent(value[2])}}` : `{n|${count}}`,
            rich: {
              n: { fontSize: 15, lineHeight: 20, color: value[2] >= 0.5 ? '#ffffff' : INK },
              p: { fontSize: 10, lineHeight: 14, color: value[2] >= 0.5 ? '#ffffff' : INK },
            },
          },
        })),
        itemStyle: { borderColor: '#ffffff', borderWidth: 1 },
      },
    ],
  });
}

/** Legend entries are told apart by name alone, so the panel's number comes before it. */
const legendName = (panel: number, name: string): string => `${panel} ${name}`;
const heading = (fontSize: number) => ({ color: INK, fontSize, fontWeight: 'bold' as const });
const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;
const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);

async function render(width: number, height: number, option: EChartsCoreOption): Promise<Buffer> {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option });
    const svg = textToPaths(chart.renderToSVGString());
    return await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();
  } finally {
    chart.dispose(); // else its timers keep the process alive
  }
}
