// How a run in progress looks on a terminal: bars of epochs and steps, the loss as a curve, and figures as far as there is room.
import type { StepEvent } from '../train/loop/events';
import type { BestBy, EpochScores } from '../train/settings/best';
import { decimal, duration, memory, percent } from './format';

const [ACCENT, FAINT] = [36, 2];

/** Things that are done, of so many. */
interface Count {
  readonly what: string;
  readonly done: number;
  /** null: nobody knows. */
  readonly total: number | null;
  /** NaN: not known. */
  readonly perSecond: number;
}

export interface PanelOptions {
  /** Of a line, at most. */
  readonly columns: number;
  readonly colours: boolean;
}

/** The line of a count. */
export function countPanel({ what, done, total, perSecond }: Count, options: PanelOptions): string[] {
  const known = Number.isFinite(perSecond) && perSecond > 0;
  const pace = known ? [`${perSecond.toPrecision(3)} a second`] : [];
  if (total === null) return drawn([{ title: what, figure: null, parts: [`${done}`, ...pace] }], options);
  const parts = [`${done}/${total}`, ...(known ? leftOf((total - done) / perSecond) : []), ...pace];
  return drawn([{ title: what, figure: bar(done / total), parts }], options);
}

/** The lines of a run after a step. @param by what the best epoch is the best by */
export function stepPanel(
  event: StepEvent,
  { left, by, curve }: { left: number; by: BestBy; curve: SparkCurve },
  options: PanelOptions,
): string[] {
  const { phase, epoch, epochs, step, steps, loss, cat, cont, accuracy, imagesPerSecond, bytes, lr, best } = event;
  const several = epochs > 1;
  const right = Number.isNaN(accuracy) ? [] : [`accuracy ${percent(accuracy)}`];
  const rows: Row[] = [];
  if (several)
    rows.push({
      title: 'epoch',
      figure: bar((epoch - 1 + (phase === 'train' ? step / steps : 1)) / epochs),
      parts: [`${epoch}/${epochs}`, ...leftOf(left), ...(best ? [bestOf(best, by)] : [])],
    });
  rows.push({
    title: phase === 'train' ? 'train' : 'val',
    figure: bar(step / steps),
    parts: [
      `${step}/${steps}`,
      ...(several ? [] : leftOf(left)),
      `${imagesPerSecond.toPrecision(3)} images/s`,
      memory(bytes),
      ...(loss === null ? right : []),
    ],
  });
  if (loss !== null)
    rows.push({
      title: 'loss',
      figure: (width) => [spark(curve.points, width).padEnd(width), ''],
      parts: [
        decimal(loss),
        ...(cont === null ? [] : [`(${decimal(cat)} + ${decimal(cont)})`]),
        ...right,
        ...(lr === null ? [] : [`lr ${Number(lr.toPrecision(2))}`]),
      ],
    });
  return drawn(rows, options);
}

const leftOf = (seconds: number): string[] => (Number.isNaN(seconds) ? [] : [`${duration(seconds)} left`]);

/** The best epoch so far, by what decides. */
function bestOf({ epoch, accuracy, loss, ccc }: EpochScores, by: BestBy): string {
  const figure = { accuracy: percent(accuracy), loss: `loss ${decimal(loss)}`, ccc: `CCC ${decimal(ccc)}` }[by];
  return `best ${figure} (epoch ${epoch + 1})`;
}

/** So many columns: those with the accent, and faint ones behind them. */
type Figure = (width: number) => [accent: string, faint: string];

interface Row {
  readonly title: string;
  readonly figure: Figure | null;
  /** What comes first is said first. */
  readonly parts: readonly string[];
}

const bar =
  (share: number): Figure =>
  (width) => {
    const full = Math.round(width * Math.min(1, Math.max(0, share)));
    return ['━'.repeat(full), '╌'.repeat(width - full)];
  };

/** A line a row, with a figure of a fifth of the columns (8 to 30); parts for which there is no room stand in lines of their own. */
function drawn(rows: readonly Row[], { columns, colours }: PanelOptions): string[] {
  const paint = (code: number, text: string): string => (colours && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text);
  const indent = Math.min(columns, Math.max(...rows.map(({ title }) => title.length)));
  const width = Math.min(Math.max(8, Math.min(30, Math.floor(columns / 5))), columns - indent - 1);
  const rest: string[] = [];
  const lines = rows.map(({ title, figure, parts }) => {
    let [line, room] = [title.slice(0, columns).padEnd(indent), columns - indent];
    if (figure && width > 0) {
      const [accent, faint] = figure(width);
      line += ` ${paint(ACCENT, accent)}${paint(FAINT, faint)}`;
      room -= width + 1;
    }
    for (const part of parts) {
      if (part.length + 2 > room) rest.push(part);
      else {
        line += `  ${part}`;
        room -= part.length + 2;
      }
    }
    return line;
  });
  const more = rest.filter((part) => part.length + 2 <= columns - indent);
  if (more.length === 0) return lines;
  return [...lines, ...drawn([{ title: ' '.repeat(indent), figure: null, parts: more }], { columns, colours })];
}

/** As many points of a curve as it keeps, at most: a bar's width at any time. */
const MOST = 60;

/** A curve of all numbers that were added to it, in a few points: means of so many each. What is not finite is left out. */
export class SparkCurve {
  readonly points: number[] = [];
  private each = 1;
  private sum = 0;
  private count = 0;

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    this.sum += value;
    if (++this.count < this.each) return;
    this.points.push(this.sum / this.count);
    [this.sum, this.count] = [0, 0];
    if (this.points.length < MOST) return;
    this.each *= 2;
    for (let i = 0; i < MOST / 2; i++) this.points[i] = (this.points[2 * i] + this.points[2 * i + 1]) / 2;
    this.points.length = MOST / 2;
  }
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** Numbers as a row of blocks, at most `width` of them, each the mean of its share: the lowest number is the lowest block. */
export function spark(values: readonly number[], width: number): string {
  const n = Math.min(width, values.length);
  const means = Array.from({ length: n }, (_, i) => {
    const [from, to] = [i, i + 1].map((at) => Math.floor((at * values.length) / n));
    return values.slice(from, to).reduce((sum, v) => sum + v, 0) / (to - from);
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const level = (v: number): number => (high > low ? Math.round(((v - low) / (high - low)) * (LEVELS.length - 1)) : 0);
  return means.map((v) => LEVELS[level(v)]).join('');
}
