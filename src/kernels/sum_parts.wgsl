// y (+)= the sum of all parts. A lane takes EACH vectors, LANES apart. Dispatch: (size / (LANES EACH)) workgroups; size counted in V.
struct Params { size: u32, parts: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> part: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= P.size) { return; }
    add_parts(0u, 0u, P.size, P.parts, i, P.accumulate == 1u);
  }
}
