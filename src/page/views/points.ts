// Where samples lie on the plane of valence and arousal, and which one is meant.
import type { PagePredictions } from '../protocol';

/** Samples on the plane: x and y of each, by row of the predictions. */
export interface Points {
  readonly truth: Float32Array;
  readonly said: Float32Array;
}

/** Valence and arousal as pairs; null: the model has none. */
export function pointsOf({ expression, valence, arousal }: PagePredictions): Points | null {
  if (!valence || !arousal) return null;
  const points = { truth: new Float32Array(2 * expression.length), said: new Float32Array(2 * expression.length) };
  for (let i = 0; i < expression.length; i++) {
    points.truth[2 * i] = valence[i]?.[0] ?? Number.NaN;
    points.truth[2 * i + 1] = arousal[i]?.[0] ?? Number.NaN;
    points.said[2 * i] = valence[i]?.[1] ?? Number.NaN;
    points.said[2 * i + 1] = arousal[i]?.[1] ?? Number.NaN;
  }
  return points;
}

/** Points as they are drawn: what a network says beyond -1 to 1 lies on the plane's edge. */
export function onPlane({ truth, said }: Points): Points {
  const within = (v: number): number => Math.max(-1, Math.min(1, v));
  return { truth: truth.map(within), said: said.map(within) };
}

/** How many of `rows` are predicted beyond the plane. */
export function beyond({ said }: Points, rows: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < rows.length; i++) if (Math.abs(said[2 * rows[i]]) > 1 || Math.abs(said[2 * rows[i] + 1]) > 1) n++;
  return n;
}

/** Of `rows`, the one whose point in any of `sets` lies nearest to (x, y), at most `reach` away; null: none does. */
export function nearest(
  sets: readonly Float32Array[],
  rows: Uint32Array,
  x: number,
  y: number,
  reach: number,
): number | null {
  let found = -1;
  let least = reach * reach;
  for (const points of sets)
    for (let i = 0; i < rows.length; i++) {
      const dx = points[2 * rows[i]] - x;
      const dy = points[2 * rows[i] + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance > least || Number.isNaN(distance)) continue;
      found = rows[i];
      least = distance;
    }
  return found < 0 ? null : found;
}

/**
 * The next sample on the way from (x, y) into a direction: of those that lie ahead, the one nearest to the point `stride` ahead.
 * @param direction a unit vector along an axis
 * @returns null: none lies ahead
 */
export function ahead(
  points: Float32Array,
  rows: Uint32Array,
  [x, y]: readonly [number, number],
  direction: readonly [number, number],
  stride: number,
): number | null {
  let found = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rows.length; i++) {
    const dx = points[2 * rows[i]] - x;
    const dy = points[2 * rows[i] + 1] - y;
    const along = dx * direction[0] + dy * direction[1];
    // Within 60 degrees of the direction, so that the way back is about the way there.
    if (!(along > 1e-4) || along * along * 4 < dx * dx + dy * dy) continue;
    const [ex, ey] = [dx - stride * direction[0], dy - stride * direction[1]];
    if (ex * ex + ey * ey >= least) continue;
    found = rows[i];
    least = ex * ex + ey * ey;
  }
  return found < 0 ? null : found;
}

/** Rows of the predictions whose true class is one of `classes`; of all, where there are none. */
export function rowsOf(expression: readonly number[], classes: ReadonlySet<number>): Uint32Array {
  const rows = new Uint32Array(expression.length);
  let n = 0;
  for (let i = 0; i < expression.length; i++) if (classes.size === 0 || classes.has(expression[i])) rows[n++] = i;
  return rows.subarray(0, n);
}

/** Where the samples of a class lie in the mean. */
export interface Centre {
  readonly c: number;
  readonly samples: number;
  readonly truth: readonly [number, number];
  readonly said: readonly [number, number];
}

/** Of the classes that have samples. */
export function centres({ truth, said }: Points, expression: readonly number[], classes: number): Centre[] {
  const sums = Array.from({ length: classes }, () => [0, 0, 0, 0, 0]);
  for (let i = 0; i < expression.length; i++) {
    const sum = sums[expression[i]];
    const four = [truth[2 * i], truth[2 * i + 1], said[2 * i], said[2 * i + 1]];
    if (!sum || four.some(Number.isNaN)) continue;
    sum[0]++;
    for (let k = 0; k < 4; k++) sum[k + 1] += four[k];
  }
  return sums.flatMap(([n, a, b, x, y], c) =>
    n === 0 ? [] : [{ c, samples: n, truth: [a / n, b / n] as const, said: [x / n, y / n] as const }],
  );
}

/** How far a sample's prediction is from the truth. */
export const distance = ({ truth, said }: Points, row: number): number =>
  Math.hypot(truth[2 * row] - said[2 * row], truth[2 * row + 1] - said[2 * row + 1]);

/** Of `rows`, the `most` that are farthest from the truth, the farthest first. */
export function farthest(points: Points, rows: Uint32Array, most: number): number[] {
  const found: { row: number; far: number }[] = [];
  for (const row of rows) {
    const far = distance(points, row);
    if (!(far > 0) || (found.length === most && far <= found[most - 1].far)) continue;
    if (found.length === most) found.pop();
    const place = found.findIndex((other) => other.far < far);
    found.splice(place < 0 ? found.length : place, 0, { row, far });
  }
  return found.map(({ row }) => row);
}
