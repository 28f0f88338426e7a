// y[r, j] = x[r, j] - log(sum over k of exp(x[r, k])). A lane owns a row. Dispatch: (rows / 64) workgroups.
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = group.x * 64u + lane;
  if (r >= P.rows) { return; }
  let first = P.x_offset + r * P.x_stride;
  let s = softmax_of(first, P.columns);
  let log_sum = precise_log1p(s.others);
  for (var j = 0u; j < P.columns; j++) {
    y[P.y_offset + r * P.y_stride + j] = (x[first + j] - s.largest) - log_sum;
  }
}
