// layers.jsonl, a line an epoch: which lines there are, and what a few of them hold.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { InputError } from '../../../base/errors';
import type { PageContributions, PageLayers, PageSpread } from '../../../page/protocol';
import { isObject, parseJson } from '../../run/read_run';
import { figure } from './columns';
import { pieceOf } from './tail';

/** Lines that are shown, and the most bytes of one. */
const [SHOWN, LONGEST] = [12, 2 ** 23];
/** Bytes that are looked through at once. */
const PIECE = 2 ** 20;
/** Most bytes of the file. */
const MOST = 2 ** 30;

/** What the page shows of it. */
export interface ReadLayers {
  readonly layers: readonly PageLayers[];
  readonly before: PageContributions | null;
  readonly after: PageContributions | null;
}

/**
 * Some of the epochs, evenly, with the first and the last; the contributions of epoch 0 and of the best.
 * @param best from 1; null: none yet
 * @throws InputError for a line that is none; the error of the file system
 */
export function readLayers(file: string, nodes: number, best: number | null): ReadLayers {
  const opened = openSync(file, 'r');
  try {
    const ends = lineEnds(opened, fstatSync(opened).size);
    const line = (i: number): Record<string, unknown> => {
      const from = i === 0 ? 0 : ends[i - 1];
      if (ends[i] - from > LONGEST) throw new InputError(`line ${i + 1}: expected at most ${LONGEST} bytes`);
      return parseJson(pieceOf(opened, from, ends[i]).toString(), `line ${i + 1}`);
    };
    const last = ends.length - 1;
    if (last < 0) return { layers: [], before: null, after: null };
    const few = Math.min(SHOWN, ends.length);
    const places = Array.from({ length: few }, (_, i) => Math.round((i * last) / Math.max(1, few - 1)));
    const read = places.map((i) => [line(i), i] as const);
    const layers = read.map(([value, i]) => layersOf(value, `line ${i + 1}`));
    const contributions = (epoch: number | null): PageContributions | null => {
      const place = (epoch ?? -1) - layers[0].epoch;
      if (epoch === null || place < 0 || place > last) return null;
      const { epoch: of, contributions: share } = line(place);
      return of === epoch && share !== undefined ? { epoch, share: numbersOf(share, nodes * nodes) } : null;
    };
    return { layers, before: contributions(0), after: contributions(best) };
  } finally {
    closeSync(opened);
  }
}

/** Where whole lines end, behind their line feeds. */
function lineEnds(opened: number, size: number): number[] {
  if (size > MOST) throw new InputError(`expected at most ${MOST} bytes, found ${size}`);
  const ends: number[] = [];
  for (let from = 0; from < size; from += PIECE) {
    const bytes = pieceOf(opened, from, Math.min(size, from + PIECE));
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(from + at + 1);
  }
  return ends;
}

function layersOf({ epoch, layers }: Record<string, unknown>, where: string): PageLayers {
  if (!Number.isSafeInteger(epoch) || !Array.isArray(layers) || !layers.every(isObject))
    throw new InputError(`${where}: expected an epoch and its layers`);
  return {
    epoch: epoch as number,
    layers: layers.map(({ name, weights, gradients, gradient_norm, activations, dead }) => {
      if (typeof name !== 'string') throw new InputError(`${where}: expected a name of each layer`);
      const spread = (value: unknown): PageSpread | null => spreadOf(value, `${where}: ${name.slice(0, 100)}`);
      return {
        name,
        weights: spread(weights),
        gradients: spread(gradients),
        gradient_norm: figureOf(gradient_norm),
        activations: spread(activations),
        dead: figureOf(dead),
      };
    }),
  };
}

const figureOf = (value: unknown) => (typeof value === 'number' ? figure(value) : null);

/** null where there is none, or what is not finite in it. */
function spreadOf(value: unknown, where: string): PageSpread | null {
  if (value === null || value === undefined) return null;
  const { from, to, mean, std, counts } = isObject(value) ? value : ({} as Record<string, unknown>);
  if (!Array.isArray(counts) || counts.length > 1000) throw new InputError(`${where}: expected counts of bins`);
  const [a, b, m, s] = [from, to, mean, std].map(figureOf);
  if (a === null || b === null || m === null || s === null) return null;
  return { from: a, to: b, mean: m, std: s, counts: numbersOf(counts, counts.length) };
}

/** @throws InputError unless it is a list of so many finite numbers */
export function numbersOf(value: unknown, length: number): number[] {
  if (!Array.isArray(value) || value.length !== length || !value.every((n) => Number.isFinite(n)))
    throw new InputError(`expected ${length} numbers`);
  return value;
}
