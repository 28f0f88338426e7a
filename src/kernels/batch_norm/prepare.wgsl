// pack[c] = (mean, 1 / sqrt(variance + eps), gamma[c], beta[c]) in fours, then, in twos, what rounding took from the first two, and
// beta makes up for the mean's. In training mean and variance are the batch's, and
// running = (1 - momentum) * running + momentum * batch, the variance with n / (n - 1); else they are the running ones.
struct Params { channels: u32, first: u32, eps: f32, momentum: f32, rows: f32, veil: u32 }
@group(0) @binding(0) var<storage, read> stats: array<vec4f>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<storage, read_write> pack: array<vec2f>;
@group(0) @binding(6) var<uniform> P: Params;

fn inverse_root(v: Pair) -> Pair {
  let guess = inverseSqrt(v.hi);
  // One Newton step: inverseSqrt may be off by 2 ULP. Then the series of 1 / sqrt(1 - rest).
  let root = guess * (1.5 - 0.5 * v.hi * guess * guess);
  let left = plus(single(1.0), minus(times(v, product_of(root, root))));
  let rest = left.hi + left.lo;
  return sum_of(root, root * (rest * (0.5 + 0.375 * rest)));
}

fn follow(running: f32, batch: Pair) -> f32 {
  let step = times(single(P.momentum), plus(batch, minus(single(running))));
  let sum = plus(single(running), step);
  return sum.hi + sum.lo;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  var mean = single(running_mean[c]);
  var variance = single(running_var[c]);
  if (TRAINING) {
    let batch = stats[P.first + c];
    mean = Pair(batch.x, batch.y);
    variance = Pair(batch.z, batch.w);
    running_mean[c] = follow(running_mean[c], mean);
    running_var[c] = follow(running_var[c], times(variance, over(single(P.rows), single(P.rows - 1.0))));
  }
  let inverse = inverse_root(plus(variance, single(P.eps)));
  pack[2u * c] = vec2f(mean.hi, inverse.hi);
  pack[2u * c + 1u] = vec2f(gamma[c], beta[c] - mean.lo * (inverse.hi * gamma[c]));
  pack[2u * P.channels + c] = vec2f(mean.lo, inverse.lo);
}
