// dx[r, j] (+)= up * w[label r] / weight_sum * (softmax(x)[r, j] - [j = label r]), where p - 1 is -(the other classes' share).
// With SMOOTHED 1 - smoothing of that, and up * smoothing / (columns * weight_sum) * (softmax(x)[r, j] * (sum of w) - w[j]).
// A lane owns a row. Dispatch: (rows / 64) workgroups.
struct Params {
  rows: u32, columns: u32, stride: u32, offset: u32, dx_stride: u32, dx_offset: u32, accumulate: u32, smoothing: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> weight_sum: array<f32>;
@group(0) @binding(4) var<storage, read> up: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> P: Params;

fn weight_of(j: u32) -> f32 {
  if (WEIGHTED) { return weight[j]; }
  return 1.0;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = group.x * 64u + lane;
  if (r >= P.rows) { return; }
  let first = P.offset + r * P.stride;
  let s = softmax_of(first, P.columns);
  let label = labels[r];
  var scale = up[0] / (weight_sum[0] * (1.0 + s.others));
  if (WEIGHTED) { scale *= weight[label]; }
  var all = 0.0;
  if (SMOOTHED) {
    for (var j = 0u; j < P.columns; j++) { all += weight_of(j); }
    scale *= 1.0 - P.smoothing;
  }
  let spread = up[0] * P.smoothing / (f32(P.columns) * weight_sum[0]);
  var rest = 0.0;
  for (var j = 0u; j < P.columns; j++) {
    if (j != label) { rest += precise_exp(x[first + j] - s.largest); }
  }
  for (var j = 0u; j < P.columns; j++) {
    let e = precise_exp(x[first + j] - s.largest);
    var d = scale * select(e, -rest, j == label);
    if (SMOOTHED) { d += spread * (e / (1.0 + s.others) * all - weight_of(j)); }
    let to = P.dx_offset + r * P.dx_stride + j;
    if (P.accumulate == 1u) { dx[to] += d; } else { dx[to] = d; }
  }
}
