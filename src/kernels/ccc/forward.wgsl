// ccc[k] = 2 cov / (var x + var y + (mean x - mean y)^2) of each column k of x and y [rows, columns], with cov divided by rows and
// the variances by rows - 1; loss = 1 - mean over k of ccc[k]. Two passes, on differences to the first row (exact where the spread
// is small): first the means, then the centred sums. Each of 64 lanes sums every 64th row, then the 64 sums: the barriers of a tree
// take a CPU driver half a second to compile.
// moments[2 k] = (first x, mean of the differences, first y, theirs), moments[2 k + 1] = (cov, denominator, mean x - mean y, ccc).
// Dispatch: one workgroup.
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> ccc: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(5) var<uniform> P: Params;

var<workgroup> sums: array<vec3f, 64>;

fn total(lane: u32, own: vec3f) -> vec3f {
  workgroupBarrier();
  sums[lane] = own;
  workgroupBarrier();
  var sum = vec3f();
  for (var i = 0u; i < 64u; i++) { sum += sums[i]; }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let n = f32(P.rows);
  var mean = 0.0;
  for (var k = 0u; k < P.columns; k++) {
    let base = vec2f(x[P.x_offset + k], y[P.y_offset + k]);
    var sum = vec3f();
    for (var r = lane; r < P.rows; r += 64u) {
      sum += vec3f(x[P.x_offset + r * P.x_stride + k] - base.x, y[P.y_offset + r * P.y_stride + k] - base.y, 0.0);
    }
    let shift = total(lane, sum).xy / n;
    sum = vec3f();
    for (var r = lane; r < P.rows; r += 64u) {
      let dx = (x[P.x_offset + r * P.x_stride + k] - base.x) - shift.x;
      let dy = (y[P.y_offset + r * P.y_stride + k] - base.y) - shift.y;
      sum += vec3f(dx * dx, dy * dy, dx * dy);
    }
    sum = total(lane, sum);
    let cov = sum.z / n;
    let apart = (base.x - base.y) + (shift.x - shift.y);
    let denominator = (sum.x + sum.y) / (n - 1.0) + apart * apart;
    let value = 2.0 * cov / denominator;
    mean += value / f32(P.columns);
    if (lane == 0u) {
      ccc[k] = value;
      moments[2u * k] = vec4f(base.x, shift.x, base.y, shift.y);
      moments[2u * k + 1u] = vec4f(cov, denominator, apart, value);
    }
  }
  if (lane == 0u) { loss[0] = 1.0 - mean; }
}
