// y[r, c] (+)= x[r, c - before] where x has that channel, else 0. A lane owns a column of V of y and walks `rows_each` rows.
// Dispatch: (columns of y / LANES, rows / rows_each).
struct Params {
  rows: u32, columns: u32, before: u32, x_columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
  rows_each: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let inside = c >= P.before && c < P.before + P.x_columns;
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  for (var r = group.y * P.rows_each; r < last; r++) {
    var v = V();
    if (inside) { v = V(x[r * P.x_stride + P.x_offset + c - P.before]); }
    let to = r * P.y_stride + P.y_offset + c;
    if (P.accumulate == 1u) { y[to] = S(V(y[to]) + v); } else { y[to] = S(v); }
  }
}
