// One step of SGD on a run of parameters that lie side by side, with (lr, momentum, weight decay) = rates[group]:
//   d = grad + weight_decay * value (with SCALED grad * factor);  velocity = momentum * velocity + d
//   value -= lr * velocity, with NESTEROV lr * (d + momentum * velocity)
// With GUARDED nothing at all where factor = verdict.w is 0 (see guard/judge.wgsl).
// A velocity that starts as zeros makes the first step's d, as PyTorch has it. A lane takes EACH vectors, LANES apart.
// Dispatch: (size / (LANES EACH)) workgroups; size counted in vec4f.
struct Params { size: u32, group: u32 }
@group(0) @binding(0) var<storage, read_write> value: array<vec4f>;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(3) var<storage, read> rates: array<vec4f>;
@group(0) @binding(4) var<storage, read> verdict: array<vec4f>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rate = rates[P.group];
  let factor = verdict[0].w;
  if (GUARDED && factor == 0.0) { return; }
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    var g = grad[i];
    if (SCALED) { g *= factor; }
    let d = g + rate.z * value[i];
    let v = rate.y * velocity[i] + d;
    velocity[i] = v;
    if (NESTEROV) { value[i] -= rate.x * (d + rate.y * v); } else { value[i] -= rate.x * v; }
  }
}
