// y[i] += weight[0] * (x[i] - y[i]). A lane takes EACH vectors, LANES apart. With GUARDED nothing at all where verdict.w is 0 (see
// guard/judge.wgsl). Dispatch: (size / (LANES EACH)) workgroups; size counted in vec4f.
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> verdict: array<vec4f>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (GUARDED && verdict[0].w == 0.0) { return; }
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    y[i] += weight[0] * (x[i] - y[i]);
  }
}
