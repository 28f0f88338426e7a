// Numbers, tables and paths for people.
import { relative } from 'node:path';
import type { Metrics } from '../train/metrics';

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

/** Metrics as tables: overall, valence and arousal if there, and class by class. */
export function formatMetrics(metrics: Metrics): string {
  const parts = [
    formatTable([
      ['samples', String(metrics.samples)],
      ['accuracy', percent(metrics.accuracy)],
      ['macro F1', decimal(metrics.macro_f1)],
    ]),
  ];
  if (metrics.ccc_valence !== null) {
    parts.push(
      formatTable([
        ['', 'valence', 'arousal'],
        ['CCC', decimal(metrics.ccc_valence), decimal(metrics.ccc_arousal)],
        ['RMSE', decimal(metrics.rmse_valence), decimal(metrics.rmse_arousal)],
      ]),
    );
  }
  parts.push(
    formatTable([
      ['class', 'precision', 'recall', 'F1', 'samples'],
      ...metrics.classes.map((name) => {
        const { precision, recall, f1, support } = metrics.per_class[name];
        return [name, percent(precision), percent(recall), decimal(f1), String(support)];
      }),
    ]),
  );
  return parts.join('\n\n');
}

/** A path as one would type it here. */
export function shellPath(path: string): string {
  const near = relative(process.cwd(), path);
  const shown = near.startsWith('..') || near === '' ? path : near;
  return /^[\w./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
