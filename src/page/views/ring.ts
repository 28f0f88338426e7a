// The label graph on a circle: where its nodes, names and edges are drawn.

export interface Spot {
  readonly x: number;
  readonly y: number;
  /** Unit vector out of the circle. */
  readonly ux: number;
  readonly uy: number;
}

/** `n` places on a circle around the origin, the first above, clockwise. */
export const spots = (n: number, radius: number): Spot[] =>
  Array.from({ length: n }, (_, i) => {
    const angle = (2 * Math.PI * i) / n - Math.PI / 2;
    const [ux, uy] = [Math.cos(angle), Math.sin(angle)];
    return { x: radius * ux, y: radius * uy, ux, uy };
  });

/** An edge of a graph: node `to` takes from node `from` by `weight`. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/**
 * Edges of A, n x n, but those from a node to itself, lightest first. Row i, column j leads from i to j: the graph convolution
 * multiplies by (A D)^T, so that it is j's classifier that takes from i.
 */
export function edgesOf(A: readonly number[], n: number): Edge[] {
  const edges: Edge[] = [];
  for (let from = 0; from < n; from++)
    for (let to = 0; to < n; to++) {
      const weight = A[from * n + to];
      if (from !== to && Number.isFinite(weight) && weight !== 0) edges.push({ from, to, weight });
    }
  return edges.sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight));
}

/**
 * An edge as a path: bent, so that the one back runs beside it, and ending `gap` before the node's middle with a head.
 * @returns the line, and the head as a triangle of `head` length
 */
export function edgePath(a: Spot, b: Spot, gap: number, head: number): readonly [line: string, head: string] {
  const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  // Bent to the left of its way by a seventh of its length.
  const [cx, cy] = [mx + dy / 7, my - dx / 7];
  const [sx, sy] = towards(a.x, a.y, cx, cy, gap);
  const [ex, ey] = towards(b.x, b.y, cx, cy, gap);
  const [hx, hy] = towards(ex, ey, cx, cy, head);
  const [px, py] = [((hy - ey) / head) * (head / 2.4), (-(hx - ex) / head) * (head / 2.4)];
  const f = (v: number): string => v.toFixed(1);
  return [
    `M${f(sx)} ${f(sy)}Q${f(cx)} ${f(cy)} ${f(hx)} ${f(hy)}`,
    `M${f(ex)} ${f(ey)}L${f(hx + px)} ${f(hy + py)}L${f(hx - px)} ${f(hy - py)}Z`,
  ];
}

/** The point `by` from (x, y) towards (cx, cy). */
function towards(x: number, y: number, cx: number, cy: number, by: number): readonly [number, number] {
  const long = Math.hypot(cx - x, cy - y) || 1;
  return [x + ((cx - x) * by) / long, y + ((cy - y) * by) / long];
}
