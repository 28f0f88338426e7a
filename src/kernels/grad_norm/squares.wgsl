// part[first + g] = sum of grad[i]^2 over the g-th LANES * EACH vectors. A lane sums EACH vectors, LANES apart; then a tree. `size` counts
// elements: what fills the last vector does not count. Dispatch: (size / (4 LANES EACH)) workgroups.
struct Params { size: u32, first: u32 }
@group(0) @binding(0) var<storage, read> grad: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> part: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = group.x;
  var sum = 0.0;
  for (var j = 0u; j < EACH; j++) {
    let i = (g * EACH + j) * LANES + lane;
    let element = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
    if (element.x < P.size) {
      let v = select(vec4f(), grad[i], element < vec4u(P.size));
      sum += dot(v, v);
    }
  }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u && g * EACH * LANES * 4u < P.size) { part[P.first + g] = sums[0]; }
}
