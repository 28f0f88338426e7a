import { type GradientCheck, type GradientState, type LayerGradients, told } from '../../measures/network_gradients';
import { BLUE, draw, FAINT, GREEN, heading, INK, ORANGE, type Picture, PURPLE } from './canvas';

/** Units a layer takes. */
const LINE = 16;
const WIDTH = 260;
const GAP = 48;
const LEFT = 300;
const TOP = 104;
/** Errors below are drawn there. */
const LEAST = 1e-5;

const COLORS: Readonly<Record<GradientState, string>> = {
  fine: BLUE,
  vanishing: ORANGE,
  exploding: PURPLE,
  'not finite': PURPLE,
  none: INK,
  frozen: FAINT,
};

/** A line a layer: its gradient against its weights, how far backward is from differences, and its dead channels. */
export function drawGradients({ layers, tolerance, faces }: GradientCheck): Promise<Picture> {
  const height = LINE * layers.length;
  const place = (panel: number): number => LEFT + panel * (WIDTH + GAP);
  const names = layers.map(({ name }) => (name.length > 50 ? `…${name.slice(-49)}` : name));
  const label = { color: INK, fontSize: 10 };
  const x = (gridIndex: number, name: string, more: object) => ({
    ...{ gridIndex, name, nameLocation: 'middle', nameGap: 26, nameTextStyle: { color: INK, fontSize: 11 } },
    ...{ position: 'bottom', axisLabel: label, splitLine: { lineStyle: { color: FAINT } } },
    ...more,
  });
  const y = (gridIndex: number) => ({
    ...{ gridIndex, type: 'category', data: names, inverse: true, axisTick: { show: false } },
    axisLabel: { ...label, show: gridIndex === 0, interval: 0 },
    axisLine: { lineStyle: { color: FAINT } },
  });
  const power = (v: number): string => `1e${Math.round(Math.log10(v))}`;
  const points = (of: (layer: LayerGradients) => number | null, color: (layer: LayerGradients) => string) =>
    layers.flatMap((layer, i) => {
      const value = of(layer);
      return value === null || !Number.isFinite(value)
        ? []
        : [{ value: [value, i], itemStyle: { color: color(layer) } }];
    });
  const ratio = ({ gradient_norm, weight_norm }: LayerGradients): number | null =>
    gradient_norm === null || gradient_norm === 0 || weight_norm === 0 ? null : gradient_norm / weight_norm;
  const shown = (error: number | null): number | null => (error === null ? null : Math.max(error, LEAST));
  const scatter = (panel: number, symbolSize: number, data: object[]) => ({
    ...{ type: 'scatter', xAxisIndex: panel, yAxisIndex: panel, symbolSize, data },
  });
  const wrong = layers.filter((layer) => layer.wrong.length > 0).length;
  const numbers = layers.reduce((n, { samples }) => n + told(samples).length, 0);
  return draw(place(2) + WIDTH + 32, TOP + height + 60, {
    title: {
      text: 'Gradients',
      subtext: [
        `${faces} faces, ${layers.length} layers, ${numbers} numbers held to differences, ${wrong === 0 ? 'none wrong' : `wrong in ${wrong}`}`,
        'left: orange vanishing, violet exploding; middle: dot median, ring worst, line what is allowed; right: grey dead',
      ].join('\n'),
      ...{ left: 24, top: 16, padding: 0, itemGap: 9 },
      textStyle: heading(16),
      subtextStyle: { color: INK, fontSize: 12, lineHeight: 18 },
    },
    grid: [0, 1, 2].map((panel) => ({ left: place(panel), top: TOP, width: WIDTH, height })),
    xAxis: [
      x(0, '|gradient| / |weight|', { type: 'log', axisLabel: { ...label, formatter: power } }),
      x(1, 'relative error', { type: 'log', min: LEAST, max: 1, axisLabel: { ...label, formatter: power } }),
      x(2, 'dead channels', {
        type: 'value',
        ...{ min: 0, max: 1, axisLabel: { ...label, formatter: (v: number) => `${Math.round(100 * v)} %` } },
      }),
    ],
    yAxis: [0, 1, 2].map(y),
    series: [
      scatter(
        0,
        7,
        points(ratio, ({ state }) => COLORS[state]),
      ),
      {
        ...scatter(
          1,
          7,
          points(
            (layer) => shown(layer.median_error),
            (layer) => (layer.wrong.length > 0 ? ORANGE : GREEN),
          ),
        ),
        markLine: {
          ...{ silent: true, symbol: 'none', data: [{ xAxis: tolerance }] },
          lineStyle: { color: ORANGE, type: 'dashed' },
          label: { show: false },
        },
      },
      {
        ...{ type: 'scatter', xAxisIndex: 1, yAxisIndex: 1, symbolSize: 9 },
        data: layers.flatMap(({ worst_error }, i) => (worst_error === null ? [] : [[shown(worst_error), i]])),
        itemStyle: { color: 'transparent', borderColor: INK, borderWidth: 1, opacity: 0.6 },
      },
      {
        ...{ type: 'bar', xAxisIndex: 2, yAxisIndex: 2, barWidth: 8, itemStyle: { color: INK, opacity: 0.45 } },
        data: layers.map(({ dead }) => dead ?? 0),
      },
    ],
  });
}
