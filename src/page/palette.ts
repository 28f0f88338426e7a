// A colour and a dash a run, the same wherever it is drawn; the colours themselves are in page.css.
import type { PageRun } from './protocol';

/** By number of the run: told apart without colours too. */
const DASHES: readonly (readonly number[])[] = [
  [],
  [6, 3],
  [2, 3],
  [9, 3, 2, 3],
  [12, 4],
  [4, 2, 1, 2],
  [1, 2],
  [8, 2, 2, 2, 2, 2],
];

export interface Paint {
  /** As CSS has it: var(--run-0), … */
  readonly color: string;
  /** Lengths of line and gap in CSS pixels; none: unbroken. */
  readonly dash: readonly number[];
}

/** How a run is drawn. After eight the colours begin again, with the next dash. */
export function paintOf({ id }: Pick<PageRun, 'id'>): Paint {
  const number = Number(id.replace(/\D/g, '')) || 0;
  const round = Math.floor(number / DASHES.length);
  return { color: `var(--run-${number % DASHES.length})`, dash: DASHES[(number + round) % DASHES.length] };
}
