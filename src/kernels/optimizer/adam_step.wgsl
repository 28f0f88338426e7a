// steps[first + b] = (t, 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t), 0), t being one more than before; with GUARDED nothing at all where
// verdict.w is 0. 1 - beta^t is -expm1(t log beta): exact to a rounding or two for every t, where a running product of beta^t would not be.
// A lane takes EACH blocks, LANES apart. Dispatch: (size / (LANES EACH)) workgroups; size counted in blocks of 256 bytes.
struct Params { size: u32, first: u32, log_beta1: f32, log_beta2: f32 }
@group(0) @binding(0) var<storage, read_write> steps: array<vec4f>;
@group(0) @binding(1) var<storage, read> verdict: array<vec4f>;
@group(0) @binding(2) var<uniform> P: Params;

// 1 - exp(x) for x <= 0: its series to x^12 / 12!, where exp(x) would be near 1.
fn one_minus_exp(x: f32) -> f32 {
  if (x < -1.0) { return 1.0 - precise_exp(x); }
  var p = 1.0;
  for (var n = 12.0; n > 1.0; n -= 1.0) { p = 1.0 + p * x / n; }
  return -x * p;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (GUARDED && verdict[0].w == 0.0) { return; }
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let b = first + j * LANES;
    if (b >= P.size) { return; }
    let t = steps[P.first + b].x + 1.0;
    steps[P.first + b] = vec4f(t, 1.0 / one_minus_exp(t * P.log_beta1), inverseSqrt(one_minus_exp(t * P.log_beta2)), 0.0);
  }
}
