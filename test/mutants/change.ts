/** One small break of a file: `text` in place of what stands from `start` to `end`. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What sort of break it is: draws are fair to sorts, of which some have many more places than others. */
  readonly sort: string;
}

/** Numbers drawn by a seed, uniform in [0, 1). */
export type Random = () => number;

export const pick = <T>(from: readonly T[], random: Random): T => from[Math.floor(random() * from.length)];

/** Draws a sort first, then a place. */
export function drawChange(changes: readonly Change[], random: Random): Change {
  const sort = pick([...new Set(changes.map((change) => change.sort))], random);
  return pick(
    changes.filter((change) => change.sort === sort),
    random,
  );
}

export const apply = (text: string, { start, end, text: by }: Change): string =>
  text.slice(0, start) + by + text.slice(end);

/** Number of the line, from 1, in which a change begins. */
export const lineOf = (text: string, { start }: Change): number => text.slice(0, start).split('\n').length;

/** The changed lines, as a diff has them. */
export function diffOf(text: string, change: Change): string {
  const from = text.lastIndexOf('\n', change.start - 1) + 1;
  const after = text.indexOf('\n', change.end);
  const to = after < 0 ? text.length : after;
  const lines = (sign: string, part: string): string[] => part.split('\n').map((line) => sign + line);
  const changed = text.slice(from, change.start) + change.text + text.slice(change.end, to);
  return [...lines('-', text.slice(from, to)), ...lines('+', changed)].join('\n');
}

/** What an operator becomes, in WGSL and TypeScript. */
export const OPERATORS: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '/',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '==': '!=',
  '!=': '==',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&': '|',
  '|': '&',
  '^': '|',
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
};

/** Functions that are taken for each other. */
export const TWINS: Readonly<Record<string, string>> = {
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  some: 'every',
  every: 'some',
};
