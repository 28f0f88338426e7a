// loss = sum over r of w[label r] * -log_softmax(x)[r, label r] / sum over r of w[label r]; weight_sum = the divisor,
// 1 where that is 0. w = 1 without WEIGHTED. With SMOOTHED an addend is 1 - smoothing of that and smoothing of the mean over j of w[j] *
// -log_softmax(x)[r, j]. Each of 64 lanes sums every 64th row; then a tree. Dispatch: one workgroup.
struct Params { rows: u32, columns: u32, stride: u32, offset: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> weight_sum: array<f32>;
@group(0) @binding(5) var<uniform> P: Params;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var r = lane; r < P.rows; r += 64u) {
    let first = P.offset + r * P.stride;
    let s = softmax_of(first, P.columns);
    let log_sum = precise_log1p(s.others);
    let label = labels[r];
    var w = 1.0;
    if (WEIGHTED) { w = weight[label]; }
    var addend = w * ((s.largest - x[first + label]) + log_sum);
    if (SMOOTHED) {
      var all = 0.0;
      for (var j = 0u; j < P.columns; j++) {
        var each = (s.largest - x[first + j]) + log_sum;
        if (WEIGHTED) { each *= weight[j]; }
        all += each;
      }
      addend = (1.0 - P.smoothing) * addend + P.smoothing / f32(P.columns) * all;
    }
    sum += vec2f(addend, w);
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    let total = select(sums[0].y, 1.0, sums[0].y == 0.0);
    loss[0] = sums[0].x / total;
    weight_sum[0] = total;
  }
}
