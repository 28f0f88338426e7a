// part[first + g] = 1 where an element of the g-th LANES * EACH vectors of x is infinite or NaN, else 0. Told by its bits,
// because compilers may assume that there are none. `size` counts elements: what fills the last vector does not count.
// Dispatch: (size / (4 LANES EACH)) workgroups.
struct Params { size: u32, first: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> part: array<u32>;
@group(0) @binding(2) var<uniform> P: Params;

var<workgroup> flags: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = group.x;
  var found = vec4<bool>();
  for (var j = 0u; j < EACH; j++) {
    let i = (g * EACH + j) * LANES + lane;
    let element = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
    if (element.x < P.size) {
      found |= ((x[i] & vec4u(0x7F800000u)) == vec4u(0x7F800000u)) & (element < vec4u(P.size));
    }
  }
  flags[lane] = u32(any(found));
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { flags[lane] |= flags[lane + half]; }
  }
  if (lane == 0u && g * EACH * LANES * 4u < P.size) { part[P.first + g] = flags[0]; }
}
