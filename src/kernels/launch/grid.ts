export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** Splits a one-dimensional grid that may exceed 65,535 workgroups; the kernel uses `id.y * GRID_X + id.x`. */
export function grid(workgroups: number): [number, number] {
  return workgroups <= GRID_X ? [workgroups, 1] : [GRID_X, ceilDiv(workgroups, GRID_X)];
}
export const GRID_X = 32768;
