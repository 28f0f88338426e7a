// da (+)= a / s^4 * (sum for a), dc (+)= -c / s^4 * (sum for c), from the 64 sums of sums.wgsl. Dispatch: 1 workgroup.
struct Params { accumulate_a: u32, accumulate_c: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> part: array<vec4f>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> da: array<f32>;
@group(0) @binding(4) var<storage, read_write> dc: array<f32>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(1)
fn main() {
  var to_a = Pair();
  var to_c = Pair();
  for (var t = 0u; t < 64u; t++) {
    to_a = plus(to_a, Pair(part[t].x, part[t].y));
    to_c = plus(to_c, Pair(part[t].z, part[t].w));
  }
  let square = c[0] * c[0] + 1.0;
  // Finished, before what was there is added: not in one rounding.
  let by_a = veil((to_a.hi + to_a.lo) * a[0] / (square * square));
  let by_c = veil(-(to_c.hi + to_c.lo) * c[0] / (square * square));
  da[0] = select(by_a, da[0] + by_a, P.accumulate_a == 1u);
  dc[0] = select(by_c, dc[0] + by_c, P.accumulate_c == 1u);
}
