// Lines on a canvas: uPlot has axes, cursor and selection, the lines themselves are drawn here, thinned to what the canvas can show.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { short, whole } from '../format';
import { paintOf } from '../palette';
import type { Line } from './line';
import { extent, thin, visible } from './numbers';

export interface LinesInView {
  readonly lines: readonly Line[];
  /** What of the x axis is seen. */
  readonly range: readonly [low: number, high: number];
}

export interface PlotOptions {
  readonly log: boolean;
  /** Writes a value at the y axis. */
  readonly label: (value: number) => string;
  /** A range was drawn with the mouse. */
  onSelect(low: number, high: number): void;
  onReset(): void;
  /** The cursor stands at x; null: it is gone. */
  onCursor(x: number | null): void;
}

const HEIGHT = 220;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Points of a validation line that get a dot each. */
const DOTS = 80;
/** Radius of one, in CSS pixels. */
const DOT = 3;

/** What lies between two marks of the x axis: steps and epochs are whole. */
const WHOLES = Array.from({ length: 10 }, (_, e) => [1, 2, 5].map((x) => x * 10 ** e)).flat();

export class Plot {
  private readonly chart: uPlot;
  private readonly probe = document.createElement('span');
  private readonly colors = new Map<string, string>();
  private drawing: LinesInView = { lines: [], range: [0, 1] };
  private heights: [low: number, high: number] = [0, 1];

  constructor(
    root: HTMLElement,
    private readonly options: PlotOptions,
  ) {
    this.probe.hidden = true;
    root.append(this.probe);
    const axis = {
      stroke: () => this.color('var(--muted)'),
      grid: { stroke: () => this.color('var(--line)'), width: 1 },
      ticks: { show: false },
      font: FONT,
    };
    this.chart = new uPlot(
      {
        width: root.clientWidth,
        height: HEIGHT,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, range: () => [...this.drawing.range] as [number, number] },
          y: { distr: options.log ? 3 : 1, range: () => this.heights },
        },
        series: [{}, { show: false }],
        axes: [
          {
            ...axis,
            size: 28,
            gap: 6,
            incrs: WHOLES,
            // Shortened only where that loses nothing.
            values: (_, splits, _axis, _space, each) =>
              splits.map(splits[splits.length - 1] <= 50 * each ? short : whole),
          },
          { ...axis, size: 56, gap: 6, values: (_, splits) => splits.map((y) => (y === null ? '' : options.label(y))) },
        ],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false },
          sync: { key: 'x' },
          bind: {
            dblclick: () => () => {
              options.onReset();
              return null;
            },
          },
        },
        hooks: {
          draw: [() => this.draw()],
          setCursor: [({ cursor }) => options.onCursor((cursor.left ?? -1) < 0 ? null : this.at(cursor.left!))],
          setSelect: [
            ({ select }) => {
              if (select.width < 4) return;
              const [low, high] = [this.at(select.left), this.at(select.left + select.width)];
              this.chart.setSelect({ ...select, width: 0 }, false);
              options.onSelect(low, high);
            },
          ],
        },
      },
      [
        [0, 1],
        [null, null],
      ],
      root,
    );
  }

  private at(left: number): number {
    return this.chart.posToVal(left, 'x');
  }

  /** Shows other lines, or another part of them. */
  show(drawing: LinesInView): void {
    this.drawing = drawing;
    this.heights = heightsOf(drawing, this.options.log);
    this.chart.setData([[...drawing.range], [null, null]]);
  }

  /** Puts the cursor to `x`. */
  point(x: number): void {
    const { width, height } = this.chart.over.getBoundingClientRect();
    const left = Math.min(width - 1, Math.max(0, this.chart.valToPos(x, 'x')));
    this.chart.setCursor({ left, top: height / 2 });
  }

  resize(width: number): void {
    if (width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: HEIGHT });
  }

  /** Draws with the colours of now. */
  recolor(): void {
    this.colors.clear();
    this.chart.redraw(false, true);
  }

  destroy(): void {
    this.chart.destroy();
    this.probe.remove();
  }

  /** A colour of page.css as a canvas takes it. */
  private color(css: string): string {
    let color = this.colors.get(css);
    if (color === undefined) {
      this.probe.style.color = css;
      color = getComputedStyle(this.probe).color;
      this.colors.set(css, color);
    }
    return color;
  }

  private draw(): void {
    const { ctx, bbox } = this.chart;
    ctx.save();
    ctx.beginPath();
    const edge = DOT * devicePixelRatio;
    ctx.rect(bbox.left - edge, bbox.top - edge, bbox.width + 2 * edge, bbox.height + 2 * edge);
    ctx.clip();
    ctx.lineJoin = 'bevel';
    for (const line of this.drawing.lines) {
      if (line.smooth) {
        ctx.globalAlpha = 0.22;
        this.stroke(line, line.y, 1);
        ctx.globalAlpha = 1;
      }
      this.stroke(line, line.smooth ?? line.y, line.part === 'train' && !line.smooth ? 1.25 : 1.75);
    }
    ctx.restore();
  }

  private stroke({ run, part, x }: Line, y: Float64Array, width: number): void {
    const { ctx, bbox } = this.chart;
    const { color, dash } = paintOf(run);
    const ratio = devicePixelRatio;
    const seen = visible(x, ...this.drawing.range);
    const places = thin(x, y, seen, this.drawing.range, Math.max(1, Math.round(bbox.width)));
    const left = (i: number): number => this.chart.valToPos(x[i], 'x', true);
    const top = (i: number): number => this.chart.valToPos(y[i], 'y', true);
    const drawn = (i: number): boolean => Number.isFinite(y[i]) && !(this.options.log && y[i] <= 0);

    ctx.strokeStyle = this.color(color);
    ctx.lineWidth = width * ratio;
    // Dashes of a noisy line would be noise.
    ctx.setLineDash(places.length > bbox.width ? [] : dash.map((length) => length * ratio));
    ctx.beginPath();
    let open = false;
    for (const i of places) {
      if (!drawn(i)) open = false;
      else if (open) ctx.lineTo(left(i), top(i));
      else {
        ctx.moveTo(left(i), top(i));
        open = true;
      }
    }
    ctx.stroke();
    ctx.setLineDash([]);

    // What is measured seldom is seen as points; a line of one point is nothing else.
    if (part === 'train' && places.length > 1) return;
    if (places.length > DOTS) return;
    ctx.fillStyle = this.color(color);
    ctx.beginPath();
    for (const i of places.filter(drawn)) {
      ctx.moveTo(left(i), top(i));
      ctx.arc(left(i), top(i), DOT * ratio, 0, 2 * Math.PI);
    }
    ctx.fill();
  }
}

/** The y axis: room for all that is seen. */
function heightsOf({ lines, range }: LinesInView, log: boolean): [number, number] {
  const found = lines.flatMap((line) => {
    // The neighbours that `visible` adds are not seen.
    const [from, to] = visible(line.x, ...range);
    const seen: [number, number] = [from + (line.x[from] < range[0] ? 1 : 0), to - (line.x[to - 1] > range[1] ? 1 : 0)];
    return extent(line.y, seen, log ? 0 : undefined) ?? [];
  });
  if (found.length === 0) return log ? [0.1, 1] : [0, 1];
  const [low, high] = [Math.min(...found), Math.max(...found)];
  if (log) return low < high ? [low * (low / high) ** 0.05, high * (high / low) ** 0.05] : [low / 2, high * 2];
  const room = low < high ? 0.06 * (high - low) : Math.abs(low) / 10 || 0.5;
  // A loss does not fall below 0.
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}
