// to[g, c] = the sums, in pairs, of 64 parts of backward sums, from the 64 g-th on. A lane owns a channel. Dispatch:
// (channels / LANES, parts / 64).
struct Params { channels: u32, width: u32, parts: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<vec4f>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= P.channels) { return; }
  var sum = Pair();
  var product = Pair();
  let end = min((id.y + 1u) * 64u, P.parts);
  for (var p = id.y * 64u; p < end; p++) {
    let both = part_of(p, id.x);
    sum = plus(sum, Pair(both.x, both.y));
    product = plus(product, Pair(both.z, both.w));
  }
  to[id.y * P.channels + id.x] = vec4f(sum.hi, sum.lo, product.hi, product.lo);
}
