// part[g, c] = (mean, M2) of x over the g-th ROWS rows: see moments.wgsl. A lane owns a column of V. Dispatch:
// (columns / LANES, rows / ROWS).
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> part: array<Pair>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let first = group.y * ROWS;
  let own = moments_of(first, min(first + ROWS, P.rows), P.x_offset + c);
  part[(group.y * P.columns + c) * 2u] = own.mean;
  part[(group.y * P.columns + c) * 2u + 1u] = own.squares;
}
