// Numbers as the page writes them.
import type { Figure } from './protocol';

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

const given = (x: Figure | undefined): x is number => x !== null && x !== undefined && Number.isFinite(x);

/** 12,345; what is not known is a dash. */
export const whole = (x: Figure | undefined): string => (given(x) ? WHOLE.format(x) : '–');

/** 12.35K */
export const short = (x: number): string => SHORT.format(x);

/** As many figures, and not more decimals than one less: 1.234, 0.123, 12.34, 1.23e-5. */
export function figures(x: Figure | undefined, count = 4): string {
  if (!given(x)) return '–';
  if (x === 0) return '0';
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e6
    ? x.toExponential(count - 2)
    : x.toFixed(Math.max(0, count - 1 - Math.max(0, Math.floor(Math.log10(size)))));
}

/** At an axis: as few figures as tell its marks apart. */
export const mark = (x: number): string =>
  x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential() : String(Number(x.toPrecision(6)));

/** Of what lies between -1 and 1: 0.123 */
export const decimals = (x: Figure | undefined): string => (given(x) ? x.toFixed(3) : '–');

/** 87.3 % */
export const percent = (x: Figure | undefined, digits = 1): string =>
  given(x) ? `${(100 * x).toFixed(digits)} %` : '–';

/** Seconds as 2 h 05 min, 3 min 20 s, 4.2 s. */
export function time(seconds: Figure | undefined): string {
  if (!given(seconds)) return '–';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const two = (n: number): string => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  const minutes = Math.round(s / 60);
  return minutes < 1440
    ? `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
    : `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}
