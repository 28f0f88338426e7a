// dx[r, c] (+)= up * 2 / (rows * columns) * (x[r, c] - y[r, c]). A lane owns an element.
// Dispatch: (rows * columns / 64) workgroups.
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, dx_stride: u32, dx_offset: u32,
  accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  let size = P.rows * P.columns;
  if (i >= size) { return; }
  let r = i / P.columns;
  let c = i % P.columns;
  let d = up[0] * 2.0 / f32(size) * (x[P.x_offset + r * P.x_stride + c] - y[P.y_offset + r * P.y_stride + c]);
  let to = P.dx_offset + r * P.dx_stride + c;
  if (P.accumulate == 1u) { dx[to] += d; } else { dx[to] = d; }
}
