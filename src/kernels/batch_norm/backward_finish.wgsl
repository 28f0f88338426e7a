// Adds the parts of `backward_sums` in order: dbeta (+)= sum of dz, dgamma (+)= sum of dz * xhat,
// means[c] = both divided by the number of rows (0 with the running statistics, which do not depend on x).
struct Params { columns: u32, parts: u32, inverse_rows: f32, accumulate_gamma: u32, accumulate_beta: u32 }
@group(0) @binding(0) var<storage, read> part: array<V>;
@group(0) @binding(1) var<storage, read_write> dgamma: array<V>;
@group(0) @binding(2) var<storage, read_write> dbeta: array<V>;
@group(0) @binding(3) var<storage, read_write> means: array<V>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  var sum = V();
  var product = V();
  for (var p = 0u; p < P.parts; p++) {
    sum += part[(p * P.columns + c) * 2u];
    product += part[(p * P.columns + c) * 2u + 1u];
  }
  means[2u * c] = sum * P.inverse_rows;
  means[2u * c + 1u] = product * P.inverse_rows;
  if (P.accumulate_gamma == 1u) { product += dgamma[c]; }
  if (P.accumulate_beta == 1u) { sum += dbeta[c]; }
  dgamma[c] = product;
  dbeta[c] = sum;
}
