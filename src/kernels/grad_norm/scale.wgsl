// grad[i] *= scale, where it is finite: what is not stays so, by its bits, for others to see. A lane takes EACH vectors, LANES apart. Dispatch: (size / (LANES EACH)) workgroups; size in vec4f.
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read_write> grad: array<vec4u>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = scale[0];
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    let g = grad[i];
    let finite = (g & vec4u(0x7F800000u)) != vec4u(0x7F800000u);
    grad[i] = select(g, bitcast<vec4u>(s * bitcast<vec4f>(g)), finite);
  }
}
