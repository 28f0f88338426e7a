// What is said of one face, as SVG: its expression, a bar a class, and where it lies between valence and arousal.
import { emotionKey } from '../../../base/emotions';
import type { FacePrediction } from '../../measures/face_prediction';
import { measureText } from '../charts/lettering';
import type { Rect } from './place';

export const GROUND = '#0d1117';
export const INK = '#f0f6fc';
export const MUTED = '#9198a1';
const FAINT = '#6e7681';

const EMOTIONS: Readonly<Record<string, string>> = {
  neutral: '#c9d1d9',
  happy: '#f2cc60',
  sad: '#6cb6ff',
  surprise: '#39d0d8',
  fear: '#b392f0',
  disgust: '#7ee787',
  anger: '#ff7b72',
  contempt: '#ffa657',
};
const COLORS = Object.values(EMOTIONS);

/** Bars of a panel; of more classes the likeliest are shown. */
const MOST_BARS = 8;
/** Letters high, in sizes of the text: a line, what is around all, between columns, the heading's line. */
const [LINE, PAD, GAP, HEADING] = [1.4, 0.7, 0.6, 2];
/** Sizes of the text: longest name, length of a bar, room for a share. */
const [NAMES, BAR, SHARE] = [7, 6, 3.2];
/** Lines of a plane: at least, and those of its numbers. */
const [PLANE, CAPTIONS] = [6.5, 2];

/** What is known of a face that was looked at. */
export type Seen = FacePrediction & {
  readonly expression: string;
  readonly probabilities: Readonly<Record<string, number>>;
};

export const wasSeen = (row: FacePrediction): row is Seen => row.expression !== null && row.probabilities !== null;

/** The colour of the face's expression: an emotion's own, else by its place among the classes. */
export function colorOf({ expression, probabilities }: Seen): string {
  return EMOTIONS[emotionKey(expression)] ?? COLORS[Object.keys(probabilities).indexOf(expression) % COLORS.length];
}

const share = (p: number): string => `${Math.round(100 * p)} %`;

/** The expression with its share, behind the face's number where there are several. */
export function headingOf({ face, expression, probabilities }: Seen, several: boolean): string {
  return `${several ? `${face}  ` : ''}${expression} ${share(probabilities[expression])}`;
}

/** A line of text. @param place x is where it begins (ends with `anchor` end), y its middle */
export function textSvg(content: string, x: number, y: number, css: string, color = INK, anchor = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}" fill="${color}" text-anchor="${anchor}" dominant-baseline="central" style="font:${css}">${escaped}</text>`;
}

/** A text that is too wide ends in an ellipsis. */
export function fitText(text: string, width: number, css: string): string {
  if (measureText(text, css).width <= width) return text;
  const letters = Array.from(text);
  while (letters.length > 0 && measureText(`${letters.join('')}…`, css).width > width) letters.pop();
  return `${letters.join('')}…`;
}

function barsOf({ probabilities }: Seen): [name: string, p: number][] {
  const all = Object.entries(probabilities);
  return all.length <= MOST_BARS ? all : all.sort(([, a], [, b]) => b - a).slice(0, MOST_BARS);
}

const hasPlane = ({ valence, arousal }: Seen): boolean => valence !== null && arousal !== null;

/** The parts of a panel of text that is `size` pixels high. */
function measure(row: Seen, size: number) {
  const bars = barsOf(row);
  const names = Math.min(NAMES * size, Math.max(...bars.map(([name]) => measureText(name, `${size}px`).width)));
  const barsWidth = names + (BAR + SHARE + 2 * GAP) * size;
  const lines = hasPlane(row) ? Math.max(bars.length, PLANE) : bars.length;
  const plane = hasPlane(row) ? (lines - CAPTIONS) * LINE * size : 0;
  return { bars, names, barsWidth, lines, plane };
}

/** The size of a panel in pixels. @param size height of its text */
export function panelSize(row: Seen, size: number): Pick<Rect, 'width' | 'height'> {
  const { barsWidth, lines, plane } = measure(row, size);
  return {
    width: Math.ceil(2 * PAD * size + barsWidth + (plane && plane + 2 * GAP * size)),
    height: Math.ceil((2 * PAD + HEADING + lines * LINE) * size),
  };
}

/** A panel at a place of `panelSize`. */
export function panelSvg(row: Seen, { x, y, width, height }: Rect, size: number, heading: string): string {
  const { bars, names, barsWidth, plane } = measure(row, size);
  const color = colorOf(row);
  const [bold, plain] = [`bold ${1.15 * size}px`, `${size}px`];
  const [left, top] = [x + PAD * size, y + (PAD + HEADING) * size];
  const title = fitText(heading, width - 2 * PAD * size, bold);
  const parts = [
    `<rect x="${x + 0.5}" y="${y + 0.5}" width="${width - 1}" height="${height - 1}" rx="${size / 3}" fill="${GROUND}" fill-opacity="0.86" stroke="${color}"/>`,
    textSvg(title, left, y + (PAD + HEADING / 2 - 0.2) * size, bold, color),
  ];
  const from = left + names + GAP * size;
  for (const [i, [name, p]] of bars.entries()) {
    const middle = top + (i + 0.5) * LINE * size;
    const own = name === row.expression ? color : INK;
    const bar = (length: number, fill: string): string =>
      `<rect x="${from}" y="${middle - 0.32 * size}" width="${length * BAR * size}" height="${0.64 * size}" fill="${fill}"/>`;
    parts.push(
      textSvg(fitText(name, names, plain), left, middle, plain, own),
      bar(1, '#30363d'),
      bar(p, name === row.expression ? color : '#8b949e'),
      textSvg(share(p), left + barsWidth, middle, plain, own, 'end'),
    );
  }
  if (plane) parts.push(planeSvg(row, left + barsWidth + 2 * GAP * size, top, plane, size));
  return parts.join('');
}

/** Valence to the right, arousal upwards, both -1 to 1. */
function planeSvg(row: Seen, x: number, y: number, side: number, size: number): string {
  const [valence, arousal] = [row.valence as number, row.arousal as number];
  const at = (v: number): number => (Math.min(1, Math.max(-1, v)) * side) / 2;
  const [middleX, middleY] = [x + side / 2, y + side / 2];
  const small = `${0.85 * size}px`;
  const caption = (name: string, v: number, line: number): string => {
    const middle = y + side + (line + 0.5) * LINE * size;
    const number = v.toFixed(2).replace('-', '−');
    return textSvg(name, x, middle, small) + textSvg(number, x + side, middle, small, INK, 'end');
  };
  return [
    `<rect x="${x}" y="${y}" width="${side}" height="${side}" fill="none" stroke="${FAINT}"/>`,
    `<circle cx="${middleX}" cy="${middleY}" r="${side / 2}" fill="none" stroke="${FAINT}" stroke-opacity="0.6"/>`,
    `<path d="M${x} ${middleY}h${side}M${middleX} ${y}v${side}" stroke="${FAINT}"/>`,
    textSvg('V', x + side - 0.25 * size, middleY - 0.55 * size, `${0.7 * size}px`, FAINT, 'end'),
    textSvg('A', middleX + 0.3 * size, y + 0.55 * size, `${0.7 * size}px`, FAINT),
    `<circle cx="${middleX + at(valence)}" cy="${middleY - at(arousal)}" r="${0.42 * size}" fill="${colorOf(row)}" stroke="${GROUND}"/>`,
    caption('valence', valence, 0),
    caption('arousal', arousal, 1),
  ].join('');
}
