// From parts (sum of dz, sum of dz * (x - mean)): dbeta (+)= sum of dz, dgamma (+)= sum of dz * xhat = inverse_deviation * sum of
// dz (x - mean), and k[c] such that dz - mean(dz) - xhat * mean(dz * xhat) = dz - k[c].xy - k[c].zw * (x - mean), pairs: 0 with the
// running statistics, which do not depend on x. x - mean is of the rounded mean, xhat is not. Where they are OWED,
// k[first + c] (+)= -scale * these. A lane owns a channel; the parts' lanes held `width`, and wrote pairs or (not PAIRED) float32.
struct Params {
  channels: u32, width: u32, parts: u32, rows: u32, first: u32, training: u32, accumulate_gamma: u32, accumulate_beta: u32,
  accumulate_owed: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read> pack: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(3) var<storage, read_write> dbeta: array<f32>;
@group(0) @binding(4) var<storage, read_write> k: array<vec4f>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  var sum = Pair();
  var product = Pair();
  for (var p = 0u; p < P.parts; p++) {
    let both = part_of(p, c);
    sum = plus(sum, Pair(both.x, both.y));
    product = plus(product, Pair(both.z, both.w));
  }
  let rounded = pack[2u * c];
  let affine = pack[2u * c + 1u];
  let lost = pack[2u * P.channels + c];
  let inverse = Pair(rounded.y, lost.y);
  product = times(inverse, plus(product, minus(times(single(lost.x), sum))));
  // Finished, before what was there is added: not in one rounding.
  var to_gamma = veil(product.hi + product.lo);
  var to_beta = veil(sum.hi + sum.lo);
  if (P.accumulate_gamma == 1u) { to_gamma += dgamma[c]; }
  if (P.accumulate_beta == 1u) { to_beta += dbeta[c]; }
  dgamma[c] = to_gamma;
  dbeta[c] = to_beta;
  var by_x = Pair();
  var constant = Pair();
  if (P.training == 1u) {
    let rows = single(f32(P.rows));
    by_x = over(times(inverse, product), rows);
    constant = plus(over(sum, rows), minus(times(single(lost.x), by_x)));
  }
  if (OWED) {
    let scale = single(-(rounded.y * affine.x));
    by_x = times(scale, by_x);
    constant = times(scale, constant);
    if (P.accumulate_owed == 1u) {
      let before = k[P.first + c];
      constant = plus(constant, Pair(before.x, before.y));
      by_x = plus(by_x, Pair(before.z, before.w));
    }
  }
  k[P.first + c] = vec4f(constant.hi, constant.lo, by_x.hi, by_x.lo);
}
