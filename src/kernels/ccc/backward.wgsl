// dx[r, k] (+)= g[k] * (2 / rows * dy - ccc * (2 / (rows - 1) * dx + 2 / rows * (mean x - mean y))) / denominator, where dx, dy are
// the differences to the means and g[k] the gradient of ccc[k]: up[k], or with LOSS -up[0] / columns. `moments` as in forward.
// SWAPPED: x is what forward called y, for the gradient of the other side.
// A lane owns an element. Dispatch: (rows * columns / 64) workgroups.
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, dx_stride: u32, dx_offset: u32,
  accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<vec4f>;
@group(0) @binding(3) var<storage, read> up: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  if (i >= P.rows * P.columns) { return; }
  let r = i / P.columns;
  let k = i % P.columns;
  var centre = moments[2u * k];
  let m = moments[2u * k + 1u];
  var apart = m.z;
  if (SWAPPED) { centre = centre.zwxy; apart = -apart; }
  let from_x = (x[P.x_offset + r * P.x_stride + k] - centre.x) - centre.y;
  let from_y = (y[P.y_offset + r * P.y_stride + k] - centre.z) - centre.w;
  let n = f32(P.rows);
  var g = 0.0;
  if (LOSS) { g = -up[0] / f32(P.columns); } else { g = up[k]; }
  let slope = (from_y - m.w * (from_x * (n / (n - 1.0)) + apart)) * (2.0 / (n * m.y));
  let to = P.dx_offset + r * P.dx_stride + k;
  if (P.accumulate == 1u) { dx[to] += g * slope; } else { dx[to] = g * slope; }
}
