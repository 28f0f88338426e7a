// One step of Adam on a run of parameters that lie side by side, with (lr, weight_decay) = rates[group], and (t, c1, c2) of the
// parameter's step t = steps[first + its 256-byte block] (see adam_step.wgsl):
//   d = grad + weight_decay * value, with DECOUPLED grad alone (with SCALED grad * factor)
//   average = beta1 * average + (1 - beta1) * d;  square = beta2 * square + (1 - beta2) * d^2
//   value -= lr * c1 average / (c2 sqrt(square) + eps), with DECOUPLED lr * (weight_decay * value + ...); 0 / 0 counts as 0
// With GUARDED nothing at all where factor = verdict.w is 0 (see guard/judge.wgsl).
// 1 - beta comes as rest, from float64. A lane takes EACH vectors, LANES apart.
// Dispatch: (size / (LANES EACH)) workgroups; size counted in vec4f.
struct Params { size: u32, group: u32, first: u32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, eps: f32 }
@group(0) @binding(0) var<storage, read_write> value: array<vec4f>;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> square: array<vec4f>;
@group(0) @binding(4) var<storage, read> steps: array<vec4f>;
@group(0) @binding(5) var<storage, read> rates: array<vec4f>;
@group(0) @binding(6) var<storage, read> verdict: array<vec4f>;
@group(0) @binding(7) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rate = rates[P.group];
  let factor = verdict[0].w;
  if (GUARDED && factor == 0.0) { return; }
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    let c = steps[P.first + i / 16u];
    let v = value[i];
    var d = grad[i];
    if (SCALED) { d *= factor; }
    if (!DECOUPLED) { d += rate.y * v; }
    let m = P.beta1 * average[i] + P.rest1 * d;
    let s = P.beta2 * square[i] + P.rest2 * d * d;
    average[i] = m;
    square[i] = s;
    var change = select(c.y * m / (c.z * sqrt(s) + P.eps), vec4f(), m == vec4f());
    if (DECOUPLED) { change += rate.y * v; }
    value[i] = v - rate.x * change;
  }
}
