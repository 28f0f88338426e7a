// How numbers and names are written in views, beside ../format.

/** Three significant figures, with an exponent where there would be many zeros; `–` for none. */
export function significant(x: number | null | undefined): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return '–';
  if (x === 0) return '0';
  const size = Math.abs(x);
  const text = size < 0.001 || size >= 1e5 ? x.toExponential(1).replace('e+', 'e') : String(Number(x.toPrecision(3)));
  return text.replace('-', '−').replace('e-', 'e−');
}

/** With its sign: −0.25, +0.25. */
export const signed = (x: number, digits = 2): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(digits)}`;

/** The last part of a path, which tells pictures apart. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path;

/** A name of at most `most` letters: of a longer one beginning and end, by which names of a kind are told apart. */
export function clip(name: string, most: number): string {
  const letters = [...name];
  if (letters.length <= most) return name;
  return `${letters.slice(0, Math.ceil(most / 2)).join('')}…${letters.slice(letters.length - Math.floor(most / 2) + 1).join('')}`;
}
