import type { EpochRow } from '../../run/results';
import { BLUE, GREEN, ORANGE, type Picture, PURPLE } from './canvas';
import { type Curve, drawCurves, type Panel } from './curves';

/** Curves of loss, accuracy and (where the model has them) valence/arousal CCC against the epoch. */
export function drawResults(rows: readonly EpochRow[]): Promise<Picture> {
  const curve = (name: string, color: string, column: keyof EpochRow): Curve => ({
    name,
    color,
    points: pointsOf(rows, column),
  });
  const trainAndVal = (what: 'loss' | 'accuracy'): Curve[] => [
    curve('training', BLUE, `train_${what}`),
    curve('validation', ORANGE, `val_${what}`),
  ];
  const x = epochAxis(rows);
  const panels: Panel[] = [
    { title: 'Loss', x, curves: trainAndVal('loss') },
    { title: 'Accuracy', x, curves: trainAndVal('accuracy') },
  ];
  if (rows.some((row) => row.val_ccc_valence !== null)) {
    panels.push({
      title: 'CCC on the validation set',
      x,
      curves: [curve('valence', GREEN, 'val_ccc_valence'), curve('arousal', PURPLE, 'val_ccc_arousal')],
    });
  }
  return drawCurves(panels);
}

/** What each panel shows of every run, where any has it. */
const COMPARED = [
  ['Training loss', 'train_loss'],
  ['Validation loss', 'val_loss'],
  ['Validation accuracy', 'val_accuracy'],
  ['CCC of valence', 'val_ccc_valence'],
  ['CCC of arousal', 'val_ccc_arousal'],
] as const;

const COLORS = [BLUE, ORANGE, GREEN, PURPLE, '#bf3989', '#9a6700', '#0b7285', '#57606a', '#cf222e', '#1f2fb8'];

const LINES = ['solid', 'dashed', 'dotted'] as const;

/** Letters of a name in the legend: its last. */
const MOST_LETTERS = 40;

/** The curves of several runs against the epoch, a panel a figure and a colour a run. */
export function drawComparison(runs: readonly { name: string; rows: readonly EpochRow[] }[]): Promise<Picture> {
  const x = epochAxis(runs.flatMap(({ rows }) => rows));
  const panels = COMPARED.map(([title, column]) => ({
    title,
    x,
    curves: runs.map(({ name, rows }, i) => ({
      name: name.length > MOST_LETTERS ? `…${name.slice(1 - MOST_LETTERS)}` : name,
      color: COLORS[i % COLORS.length],
      line: LINES[Math.floor(i / COLORS.length) % LINES.length],
      points: pointsOf(rows, column),
    })),
  })).filter(({ curves }) => curves.some(({ points }) => points.some(([, y]) => y !== null)));
  return drawCurves(panels, true);
}

const pointsOf = (rows: readonly EpochRow[], column: keyof EpochRow): Curve['points'] =>
  rows.map((row) => [row.epoch, row[column]]);

function epochAxis(rows: readonly EpochRow[]): Panel['x'] {
  const last = rows.reduce((most, { epoch }) => Math.max(most, epoch), 0);
  // One epoch alone is a point in the middle.
  return { name: 'epoch', count: true, min: last > 1 ? 1 : 0, max: Math.max(last, 2) };
}
