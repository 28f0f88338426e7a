// part[g] = 1 / (rows * columns) * sum over the g-th share of all elements of (x - y)^2. A workgroup takes every parts-th run of 64
// elements, a lane one of each run; then a tree. Dispatch: parts workgroups.
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<uniform> P: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = P.rows * P.columns;
  var sum = 0.0;
  for (var i = group.x * 64u + lane; i < size; i += P.parts * 64u) {
    let r = i / P.columns;
    let c = i % P.columns;
    let d = x[P.x_offset + r * P.x_stride + c] - y[P.y_offset + r * P.y_stride + c];
    sum += d * d;
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { part[group.x] = sums[0] / f32(size); }
}
