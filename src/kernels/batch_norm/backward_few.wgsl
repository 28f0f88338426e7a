// `backward_sums`, `backward_finish` and `backward_apply` at once, for few rows: all is in pairs (EXACT). A lane owns a column of V, and of its
// rows one of SHARES shares, `rows_each` long. Dispatch: (columns / LANES).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32,
  h: u32, w: u32, dy_part: u32, rows_each: u32, training: u32, accumulate: u32, accumulate_gamma: u32, accumulate_beta: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dgamma: array<V>;
@group(0) @binding(4) var<storage, read_write> dbeta: array<V>;
@group(0) @binding(5) var<storage, read_write> dx: array<S>;
@group(0) @binding(6) var<uniform> P: Params;

var<workgroup> sums_in: array<Sums, LANES * SHARES>;

// What rounding took from the mean and the inverse deviation: pairs behind the pack's fours.
fn lost(c: u32) -> array<V, 4> {
  var of_each: array<vec4f, WIDTH>;
  for (var i = 0u; i < WIDTH; i++) {
    let channel = c * WIDTH + i;
    let both = pack[P.columns * WIDTH + channel / 2u];
    of_each[i] = vec4f(select(both.xy, both.zw, channel % 2u == 1u), 0.0, 0.0);
  }
  return across(of_each);
}

@compute @workgroup_size(LANES, SHARES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let inside = group.x * LANES + local.x < P.columns;
  let c = min(group.x * LANES + local.x, P.columns - 1u);
  let n = channel(c);
  let first = min(local.y * P.rows_each, P.rows);
  let end = min(first + P.rows_each, P.rows);
  var own = sums_of(n, first, end, c);
  if (SHARES > 1u) {
    sums_in[local.y * LANES + local.x] = own;
    workgroupBarrier();
    own = Sums();
    for (var s = 0u; s < SHARES; s++) {
      let share = sums_in[s * LANES + local.x];
      own.sum = plus(own.sum, share.sum);
      own.product = plus(own.product, share.product);
    }
  }
  if (!inside) { return; }
  // As in backward_finish.
  let rest = lost(c);
  let inverse = Pair(n.inverse, rest[1]);
  let product = times(inverse, plus(own.product, minus(times(single(rest[0]), own.sum))));
  if (local.y == 0u) {
    var to_gamma = veil(product.hi + product.lo);
    var to_beta = veil(own.sum.hi + own.sum.lo);
    if (P.accumulate_gamma == 1u) { to_gamma += dgamma[c]; }
    if (P.accumulate_beta == 1u) { to_beta += dbeta[c]; }
    dgamma[c] = to_gamma;
    dbeta[c] = to_beta;
  }
  var by_x = Pair();
  var constant = Pair();
  if (P.training == 1u) {
    let rows = single(V(f32(P.rows)));
    by_x = over(times(inverse, product), rows);
    constant = plus(over(own.sum, rows), minus(times(single(rest[0]), by_x)));
  }
  pass_through(n, constant, by_x, first, end, c);
}
