// Numbers, tables and paths for people.
import { relative } from 'node:path';
import { figuresOf, type Intervals } from '../train/measures/bootstrap';
import type { Measured } from '../train/measures/evaluation';
import type { Metrics } from '../train/measures/metrics';
import type { VideoFigures } from '../train/measures/per_video';
import { csvField } from '../train/measures/predictions';

/** Rows of text in columns, the first `left` of them aligned to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[], left = 1): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const pad = (text: string, c: number) => (c < left ? text.padEnd(widths[c]) : text.padStart(widths[c]));
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** `41.5 %` of a fraction. */
export const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

/** Three decimals, or a dash where there is no number. */
export const decimal = (value: number | null): string =>
  value === null || Number.isNaN(value) ? '-' : value.toFixed(3);

/** `1:02:03` or `2:03`; `?` for NaN. */
export function duration(seconds: number): string {
  if (Number.isNaN(seconds)) return '?';
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** `612 MiB` or `1.4 GiB`. */
export function memory(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib >= 1024) return `${(mib / 1024).toFixed(1)} GiB`;
  return mib >= 10 ? `${Math.round(mib)} MiB` : `${mib.toFixed(1)} MiB`;
}

/** A figure, with its 95 % interval where that is known; a dash where there is none. */
export function figure(
  text: (v: number) => string,
  value: number | null,
  interval?: readonly [number, number],
): string {
  if (value === null) return '-';
  return interval ? `${text(value)} (${text(interval[0])} to ${text(interval[1])})` : text(value);
}

/** Metrics as tables: overall, valence and arousal if there, and class by class; with 95 % intervals if they are known. */
export function formatMetrics(metrics: Metrics, intervals: Intervals = {}): string {
  const of = (name: string, text: (v: number) => string, value: number | null): string =>
    figure(text, value, intervals[name]);
  const parts = [
    formatTable([
      ['samples', String(metrics.samples)],
      ['accuracy', of('accuracy', percent, metrics.accuracy)],
      ['macro F1', of('macro_f1', decimal, metrics.macro_f1)],
      ...(metrics.ece === null ? [] : [['expected calibration error', of('ece', percent, metrics.ece)]]),
      ['0.67 macro F1 + 0.33 accuracy', of('challenge_expression', decimal, metrics.challenge_expression)],
    ]),
  ];
  if (metrics.rmse_valence !== null) {
    const row = (title: string, score: 'ccc' | 'rmse' | 'pearson' | 'sagr', text: (v: number) => string): string[] => [
      title,
      ...(['valence', 'arousal'] as const).map((label) => of(`${score}_${label}`, text, metrics[`${score}_${label}`])),
    ];
    parts.push(
      formatTable([
        ['', 'valence', 'arousal'],
        row('CCC', 'ccc', decimal),
        row('RMSE', 'rmse', decimal),
        row('Pearson', 'pearson', decimal),
        row('same sign', 'sagr', percent),
      ]),
    );
  }
  const sure = (metrics.reliability ?? []).filter(({ samples }) => samples > 0);
  if (sure.length > 0)
    parts.push(
      formatTable([
        ['confidence', 'mean', 'said right', 'samples'],
        ...sure.map(({ from, to, samples, confidence, accuracy }) => [
          `${from.toFixed(2)} to ${to.toFixed(2)}`,
          ...[confidence, accuracy].map((v) => percent(v as number)),
          String(samples),
        ]),
      ]),
    );
  parts.push(
    formatTable([
      ['class', 'precision', 'recall', 'F1', 'samples'],
      ...metrics.classes.map((name) => {
        const { precision, recall, f1, support } = metrics.per_class[name];
        return [name, percent(precision), of(`recall_${name}`, percent, recall), decimal(f1), String(support)];
      }),
    ]),
    formatTable([
      ['true \\ said', ...metrics.classes],
      ...metrics.confusion.map((row, t) => [metrics.classes[t], ...row.map(String)]),
    ]),
  );
  return parts.join('\n\n');
}

/** The figures as CSV: `figure,value,low,high` (empty where there is none), then the confusion matrix a row a true class. */
export function metricsCsv(metrics: Metrics, intervals: Intervals): string {
  const rows = figuresOf(metrics).map(([name, value]) =>
    [name, orEmpty(value), ...(intervals[name] ?? ['', ''])].join(','),
  );
  const confusion = metrics.confusion.flatMap((row, t) =>
    row.map((count, p) => `confusion_${metrics.classes[t]}_${metrics.classes[p]},${count},,`),
  );
  const sure = (metrics.reliability ?? []).flatMap(({ to, samples, confidence, accuracy }) =>
    Object.entries({ samples, confidence, accuracy }).map(
      ([name, value]) => `reliability_${to.toFixed(2)}_${name},${orEmpty(value)},,`,
    ),
  );
  return ['figure,value,low,high', `samples,${metrics.samples},,`, ...rows, ...confusion, ...sure].join('\n');
}

export const orEmpty = (value: number | null): number | '' => (value === null || Number.isNaN(value) ? '' : value);

/** What was measured. */
export function formatMeasured({ file, layout, hash, rows, samples, classes, tta }: Measured): string {
  return formatTable(
    [
      ['measured', file],
      ['layout', `${layout}: ${rows} rows, ${samples} faces`],
      ['classes', classes.join(', ')],
      ['SHA-256', hash],
      ['--tta', tta === 'off' ? 'off' : `${tta}: mean scores of each picture and its mirror image`],
    ],
    2,
  );
}

/** The same as further rows of `metricsCsv`. */
export const measuredCsv = (measured: Measured): string[] =>
  Object.entries(measured).map(([name, value]) => `measured_${name},${csvField(String(value))},,`);

/** A row a video. */
export function formatVideos(videos: Readonly<Record<string, VideoFigures>>): string {
  const rows = Object.entries(videos).map(([name, v]) => [
    name,
    String(v.samples),
    percent(v.accuracy),
    ...[v.macro_f1, v.ccc_valence, v.ccc_arousal, v.rmse_valence, v.rmse_arousal].map(decimal),
  ]);
  const figures = ['macro F1', 'CCC valence', 'CCC arousal', 'RMSE valence', 'RMSE arousal'];
  return formatTable([['video', 'frames', 'accuracy', ...figures], ...rows]);
}

/** The same as further rows of `metricsCsv`: `video/NAME/FIGURE`. */
export const videosCsv = (videos: Readonly<Record<string, VideoFigures>>): string[] =>
  Object.entries(videos).flatMap(([name, figures]) =>
    Object.entries(figures).map(([figure, value]) => `${csvField(`video/${name}/${figure}`)},${orEmpty(value)},,`),
  );

/** A path as one would type it here. */
export function shellPath(path: string): string {
  const near = relative(process.cwd(), path);
  const shown = near.startsWith('..') || near === '' ? path : near;
  return /^[\w./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
