// part[g, c] = the sums of the g-th ROWS rows: see sums.wgsl. A lane owns a column of V. Dispatch: (columns / LANES, rows / ROWS).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, h: u32, w: u32, dy_part: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<Pair>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let own = sums_of(channel(c), group.y * ROWS, min((group.y + 1u) * ROWS, P.rows), c);
  part[(group.y * P.columns + c) * 2u] = own.sum;
  part[(group.y * P.columns + c) * 2u + 1u] = own.product;
}
