// dx[r, j] (+)= dy[r, j] - exp(y[r, j]) * sum over k of dy[r, k], y the log-softmax. A lane owns a row.
// Dispatch: (rows / 64) workgroups.
struct Params {
  rows: u32, columns: u32, y_stride: u32, y_offset: u32, dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32,
  accumulate: u32,
}
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = group.x * 64u + lane;
  if (r >= P.rows) { return; }
  let at_dy = P.dy_offset + r * P.dy_stride;
  var total = 0.0;
  for (var j = 0u; j < P.columns; j++) { total += dy[at_dy + j]; }
  for (var j = 0u; j < P.columns; j++) {
    let d = dy[at_dy + j] - precise_exp(y[P.y_offset + r * P.y_stride + j]) * total;
    let to = P.dx_offset + r * P.dx_stride + j;
    if (P.accumulate == 1u) { dx[to] += d; } else { dx[to] = d; }
  }
}
