// Tables with a row a tensor: gradients, running statistics, activations, final parameters of a whole network.
import { type Check, compareFigure, DOT_ROOM, failure, largest, type Numbers, norm, part } from './compare';
import type { Fixture } from './fixture';
import { projection } from './results';

/** What the network has under each name, in PyTorch's order. */
export type Values = (name: string) => Numbers | undefined;

/** The L2 error that a row may have, and what its size is taken to be. */
export interface RowLimit {
  limit: number;
  size: number;
  /** Elementwise instead, for gradients that are zero in truth. */
  each?: boolean;
}

/** PyTorch's own figures of row i; 0 where the file has none. */
export interface RowOwn {
  relL2: number;
  maxAbs: number;
}

/**
 * Holds table `PART.*` of a fixture to `values`: the norm, the dot product with the row's probe, and the first elements.
 * @param limitOf the room of row i, or null for a row that says nothing
 */
export function compareRows(
  fixture: Fixture,
  table: string,
  values: Values,
  limitOf: (name: string, got: Numbers, own: RowOwn) => RowLimit | null,
): Check[] {
  const column = (name: string): Numbers | null =>
    fixture.has(`${table}.${name}`) ? fixture.numbers(`${table}.${name}`) : null;
  const [norms, dots, heads] = [column('norm'), column('dot'), column('head.f64ref')];
  const [relL2, maxAbs] = [column('f32_rel_l2'), column('f32_max_abs')];
  fixture.ignore(`${table}.f32_abs_l2`);
  if (!norms && !dots && !heads) return [];

  const names = fixture.needed<string[]>(`${table}.names`);
  for (const c of [norms, dots]) {
    if (c && c.length !== names.length) return [failure(table, `${c.length} rows for ${names.length} names`)];
  }
  const width = heads ? heads.length / names.length : 0;
  if (!Number.isInteger(width)) return [failure(`${table}.head`, `${heads?.length} numbers for ${names.length} names`)];

  return names.flatMap((name, i) => {
    const tensor = `${table}.${name}`;
    const got = values(name);
    if (!got) return [failure(tensor, 'no such tensor here')];
    const own = { relL2: relL2?.[i] ?? 0, maxAbs: maxAbs?.[i] ?? 0 };
    const room = limitOf(name, got, own);
    if (!room) return [];
    const spread = room.each ? Math.sqrt(got.length) : 1;
    const figure = { size: room.size, own: own.relL2 };
    const checks: Check[] = [];
    if (norms)
      checks.push(compareFigure(`${tensor}:norm`, norm(got), norms[i], { ...figure, limit: spread * room.limit }));
    if (dots) {
      const limit = DOT_ROOM * spread * room.limit;
      checks.push(compareFigure(`${tensor}:dot`, projection(name, got, fixture.salt), dots[i], { ...figure, limit }));
    }
    if (heads)
      checks.push(
        compareHead(`${tensor}:head`, got, Array.prototype.slice.call(heads, i * width, (i + 1) * width), own, room),
      );
    return checks;
  });
}

/** The first elements of a row; beyond the tensor's end the table holds zeros. */
function compareHead(tensor: string, got: Numbers, ref: number[], own: RowOwn, room: RowLimit): Check {
  const head = Float64Array.from(ref, (_, i) => got[i] ?? 0);
  const d = head.map((v, i) => v - ref[i]);
  const [maxAbs, l2] = [largest(d), norm(d)];
  const fraction = part(room.each ? maxAbs : l2, room.limit);
  return { tensor, maxAbs, relL2: room.size > 0 ? l2 / room.size : l2, own: own.relL2, fraction };
}

/** The norm that a table stores for each name; that of the first elements where it has no norms. */
export function referenceNorms(fixture: Fixture, table: string): Map<string, number> {
  const names = fixture.json<string[]>(`${table}.names`) ?? [];
  if (fixture.has(`${table}.norm`)) {
    const norms = fixture.numbers(`${table}.norm`);
    return new Map(names.map((name, i) => [name, norms[i]]));
  }
  if (!fixture.has(`${table}.head.f64ref`)) return new Map();
  const heads = Array.from(fixture.numbers(`${table}.head.f64ref`));
  const width = heads.length / names.length;
  return new Map(names.map((name, i) => [name, norm(heads.slice(i * width, (i + 1) * width))]));
}

/** sqrt(mean^2 + variance) of a running mean, by the norm over its channels; the plain norm of any other tensor. */
export function rowSize(name: string, got: Numbers, values: Values): number {
  if (!name.endsWith('running_mean')) return norm(got);
  const variance = values(name.replace(/mean$/, 'var'));
  if (!variance) return norm(got);
  return norm(Float64Array.from(variance, (v, i) => Math.sqrt(got[i] ** 2 + v)));
}

/** PyTorch's own relative errors of the rows that `counts` accepts, in rising order. */
export function ownErrors(fixture: Fixture, table: string, counts: (name: string) => boolean): number[] {
  if (!fixture.has(`${table}.f32_rel_l2`)) return [0];
  const names = fixture.needed<string[]>(`${table}.names`);
  const figures = Array.from(fixture.numbers(`${table}.f32_rel_l2`)).filter((_, i) => counts(names[i]));
  return figures.length > 0 ? figures.sort((a, b) => a - b) : [0];
}
