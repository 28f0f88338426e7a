import { draw, FAINT, heading, INK, legendName, type Picture } from './canvas';
import { measureText } from './lettering';

/** A line through points; those that are not finite are gaps. */
export interface Curve {
  readonly name: string;
  readonly color: string;
  readonly line?: 'solid' | 'dashed' | 'dotted';
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

/** One panel of curves. */
export interface Panel {
  readonly title: string;
  readonly x: {
    readonly name: string;
    readonly min: number;
    readonly max: number;
    /** By powers of ten. */
    readonly log?: boolean;
    /** Only whole numbers, and no others than of points, have a label. */
    readonly count?: boolean;
  };
  /** The highest value that is shown; default: all are. */
  readonly top?: number;
  readonly curves: readonly Curve[];
}

const [WIDE, HIGH, TOP, BOTTOM] = [430, 390, 76, 56];
/** Panels side by side. */
const ACROSS = 3;
/** Points have symbols up to so many a curve, beyond it is a line alone. */
const FEW = 30;

/**
 * Panels of curves, three side by side.
 * @param shared all panels have curves of the same names, in the same order: one legend, at the right, tells of all
 */
export function drawCurves(panels: readonly Panel[], shared = false): Promise<Picture> {
  const across = Math.min(ACROSS, panels.length);
  const left = (panel: number) => 16 + (panel % ACROSS) * WIDE + 52;
  const above = (panel: number) => Math.floor(panel / ACROSS) * HIGH;
  const names = panels[0].curves.map(({ name }) => name);
  const listed = shared ? Math.ceil(Math.max(...names.map((name) => measureText(name, '12px').width))) + 48 : 0;
  const height = Math.max(Math.ceil(panels.length / ACROSS) * HIGH, shared ? 32 + 22 * names.length : 0);
  const look = {
    formatter: (name: string) => name.slice(name.indexOf(' ') + 1),
    padding: 0,
    itemWidth: 22,
    itemHeight: 7,
    textStyle: { color: INK, fontSize: 12 },
  };
  const entry = (panel: number, curve: number) => legendName(shared ? curve : panel, panels[panel].curves[curve].name);
  return draw(16 + across * WIDE + 8 + listed, height, {
    title: panels.map(({ title }, i) => ({
      text: title,
      left: left(i),
      top: above(i) + 16,
      padding: 0,
      textStyle: heading(16),
    })),
    legend: shared
      ? { ...look, data: names.map((_, c) => entry(0, c)), orient: 'vertical', left: 16 + across * WIDE, top: 20 }
      : panels.map(({ curves }, i) => ({
          ...look,
          data: curves.map((_, c) => entry(i, c)),
          left: left(i),
          top: above(i) + 42,
          itemGap: 18,
        })),
    grid: panels.map((_, i) => ({
      left: left(i),
      top: above(i) + TOP,
      width: WIDE - 76,
      height: HIGH - TOP - BOTTOM,
    })),
    xAxis: panels.map(({ x }, i) => ({
      gridIndex: i,
      type: x.log ? 'log' : 'value',
      min: x.min,
      max: x.max,
      ...(x.count && { minInterval: 1 }),
      name: x.name,
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: INK, fontSize: 12 },
      axisLabel: { color: INK, hideOverlap: true, formatter: (value: number) => labelOf(panels[i], value) },
      axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
      axisTick: { show: true },
      splitLine: { show: false },
    })),
    yAxis: panels.map(({ top }, i) => ({
      gridIndex: i,
      type: 'value',
      max: top,
      scale: true,
      minInterval: 0.05,
      axisLabel: { color: INK, formatter: (value: number) => String(Number(value.toFixed(4))) },
      splitLine: { lineStyle: { color: FAINT } },
    })),
    series: panels.flatMap(({ curves }, i) =>
      curves.map(({ color, line, points }, c) => ({
        name: entry(i, c),
        type: 'line',
        xAxisIndex: i,
        yAxisIndex: i,
        data: points.map(([x, y]) => [x, y !== null && Number.isFinite(y) ? y : null]),
        symbol: 'circle',
        showSymbol: points.length <= FEW,
        symbolSize: 6,
        lineStyle: { width: 2, color, type: line },
        itemStyle: { color },
      })),
    ),
  });
}

function labelOf({ x, curves }: Panel, value: number): string {
  if (x.log) return value.toExponential(0);
  const last = Math.max(...curves.map(({ points }) => points.at(-1)?.[0] ?? 0));
  return !x.count || (value >= 1 && value <= last) ? String(value) : '';
}
