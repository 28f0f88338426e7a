// From the parts of `backward_sums`: dbeta (+)= sum of dz, dgamma (+)= sum of dz * xhat = inverse_deviation * sum of dz (x - mean),
// and, in the first part's place, k[c] such that dz - mean(dz) - xhat * mean(dz * xhat) = dz - k[c, 0] - k[c, 1] * (x - mean): 0 with
// the running statistics, which do not depend on x. x - mean is of the rounded mean, xhat is not. A lane owns a column of V.
struct Params { columns: u32, parts: u32, rows: u32, training: u32, accumulate_gamma: u32, accumulate_beta: u32, veil: u32 }
@group(0) @binding(0) var<storage, read_write> part: array<Pair>;
@group(0) @binding(1) var<storage, read> pack: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dgamma: array<V>;
@group(0) @binding(3) var<storage, read_write> dbeta: array<V>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  var sum = Pair();
  var product = Pair();
  for (var p = 0u; p < P.parts; p++) {
    sum = plus(sum, part[(p * P.columns + c) * 2u]);
    product = plus(product, part[(p * P.columns + c) * 2u + 1u]);
  }
  let n = lost(c);
  let inverse = Pair(channel(c).inverse, n.inverse);
  product = times(inverse, plus(product, minus(times(single(n.mean), sum))));
  var to_gamma = product.hi + product.lo;
  var to_beta = sum.hi + sum.lo;
  if (P.accumulate_gamma == 1u) { to_gamma += dgamma[c]; }
  if (P.accumulate_beta == 1u) { to_beta += dbeta[c]; }
  dgamma[c] = to_gamma;
  dbeta[c] = to_beta;
  var by_x = Pair();
  var constant = Pair();
  if (P.training == 1u) {
    let rows = single(V(f32(P.rows)));
    by_x = over(times(inverse, product), rows);
    constant = plus(over(sum, rows), minus(times(single(n.mean), by_x)));
  }
  part[c * 2u] = constant;
  part[c * 2u + 1u] = by_x;
}
