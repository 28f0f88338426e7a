// pack[c] = (mean, 1 / sqrt(variance + eps), gamma[c], beta[c]). In training mean and variance are the batch's, and
// running = (1 - momentum) * running + momentum * batch, the variance with n / (n - 1); else they are the running ones.
struct Params { channels: u32, first: u32, eps: f32, momentum: f32, unbias: f32 }
@group(0) @binding(0) var<storage, read> stats: array<vec2f>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<storage, read_write> pack: array<vec4f>;
@group(0) @binding(6) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  var moments = vec2f(running_mean[c], running_var[c]);
  if (TRAINING) {
    let batch = stats[P.first + c];
    running_mean[c] = (1.0 - P.momentum) * moments.x + P.momentum * batch.x;
    running_var[c] = (1.0 - P.momentum) * moments.y + P.momentum * (batch.y * P.unbias);
    moments = batch;
  }
  let v = moments.y + P.eps;
  let guess = inverseSqrt(v);
  // One Newton step: inverseSqrt may be off by 2 ULP.
  pack[c] = vec4f(moments.x, guess * (1.5 - 0.5 * v * guess * guess), gamma[c], beta[c]);
}
