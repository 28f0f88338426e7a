// out[t] = the sums (value and error, of a and of c) of the t-th `each` of the `entries` of `part`, which lie W side by side:
// four rows of W numbers for every W entries. Dispatch: 1 workgroup.
struct Params { entries: u32, each: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) t: u32) {
  var to_a = Sum();
  var to_c = Sum();
  for (var e = t * P.each; e < min((t + 1u) * P.each, P.entries); e++) {
    let at = e / W * 4u * W + e % W;
    to_a = plus(to_a, part[at]);
    to_a.error += part[at + W];
    to_c = plus(to_c, part[at + 2u * W]);
    to_c.error += part[at + 3u * W];
  }
  out[4u * t] = to_a.value;
  out[4u * t + 1u] = to_a.error;
  out[4u * t + 2u] = to_c.value;
  out[4u * t + 3u] = to_c.error;
}
