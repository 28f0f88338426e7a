// grad[i] *= scale. A lane takes EACH vectors, LANES apart. Dispatch: (size / (LANES EACH)) workgroups; size in vec4f.
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read_write> grad: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = scale[0];
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    grad[i] *= s;
  }
}
