export type Layout = 'plain' | 'rows' | 'taps';

/** Position in memory of each logical element, walked in logical order. `f(logical, memory)`. */
function walk(
  shape: readonly number[],
  layout: Layout,
  offset: number,
  stride: number,
  f: (logical: number, memory: number) => void,
): void {
  const [d0, d1, d2 = 1, d3 = 1] = shape;
  const pixels = d2 * d3;
  let i = 0;
  for (let a = 0; a < d0; a++)
    for (let b = 0; b < d1; b++)
      for (let p = 0; p < pixels; p++)
        f(i++, layout === 'rows' ? offset + (a * pixels + p) * stride + b : (p * d1 + b) * d0 + a);
}

/** Elements as they lie in memory, put in the logical order of `shape`. The one place that reads a layout. */
export function memoryToLogical(
  memory: Float32Array<ArrayBuffer>,
  shape: readonly number[],
  layout: Layout,
  offset: number,
  stride: number,
): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (layout === 'plain') return memory.slice(offset, offset + size);
  const out = new Float32Array(size);
  walk(shape, layout, offset, stride, (l, m) => {
    out[l] = memory[m];
  });
  return out;
}

/** Elements in the logical order of `shape`, put in the order of memory (without gaps). The one place that writes one. */
export function logicalToMemory<T extends Float32Array | Uint32Array>(
  data: T,
  shape: readonly number[],
  layout: Layout,
): T {
  if (layout === 'plain') return data;
  const out = data.slice() as T;
  walk(shape, layout, 0, shape[1], (l, m) => {
    out[m] = data[l];
  });
  return out;
}
