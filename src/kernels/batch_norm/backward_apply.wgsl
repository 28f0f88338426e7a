// dx[r, c] (+)= gamma * inverse_deviation * (dz - mean(dz) - xhat * mean(dz * xhat)), dz as in `backward_sums`.
// Through xhat: sums of dz * x would cancel for large means. A lane owns a column of V. Dispatch: (columns / LANES, rows / rows_each).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32,
  h: u32, w: u32, rows_each: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> dy: array<V>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read> means: array<V>;
@group(0) @binding(4) var<storage, read_write> dx: array<V>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let n = channel(c);
  let scale = n.gamma * n.inverse;
  let mean = means[2u * c];
  let product = means[2u * c + 1u];
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  for (var r = group.y * P.rows_each; r < last; r++) {
    let xhat = (x[r * P.x_stride + P.x_offset + c] - n.mean) * n.inverse;
    let dz = upstream(r, c) * slope(xhat * n.gamma + n.beta);
    let d = scale * (dz - mean - xhat * product);
    let at = r * P.dx_stride + P.dx_offset + c;
    if (P.accumulate == 1u) { dx[at] += d; } else { dx[at] = d; }
  }
}
