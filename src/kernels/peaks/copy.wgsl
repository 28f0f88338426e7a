// y[i] = x[i]

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES * EACH + lane;
  for (var e = 0u; e < EACH; e++) { y[first + e * LANES] = x[first + e * LANES]; }
}
