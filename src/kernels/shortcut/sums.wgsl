// out[t] = the sums (hi and lo, of a and of c) of the t-th `each` of the `entries` of `part`, which lie W side by side:
// four rows of W numbers for every W entries. Dispatch: 1 workgroup.
struct Params { entries: u32, each: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) t: u32) {
  var to_a = Pair();
  var to_c = Pair();
  for (var e = t * P.each; e < min((t + 1u) * P.each, P.entries); e++) {
    let at = e / W * 4u * W + e % W;
    to_a = plus(to_a, Pair(part[at], part[at + W]));
    to_c = plus(to_c, Pair(part[at + 2u * W], part[at + 3u * W]));
  }
  out[t] = vec4f(to_a.hi, to_a.lo, to_c.hi, to_c.lo);
}
