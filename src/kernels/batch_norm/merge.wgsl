// Sets merge as Chan, Golub and LeVeque (1979) have it, part after part: d is a part's mean less the first one's, mean = first +
// sum n d / sum n; M2 = sum M2 + sum n d^2 - (sum n d)^2 / sum n. In pairs, so that nothing cancels. A part is of P.rows_each rows.
struct Merged { near: f32, sum: Pair, squares: Pair }

// Part p: (mean, M2), pairs.
fn take(all: ptr<function, Merged>, p: u32, part: vec4f) {
  if (p == 0u) { (*all).near = part.x; }
  let d = plus(Pair(part.x, part.y), single(-(*all).near));
  let weighed = times(single(f32(min(P.rows - p * P.rows_each, P.rows_each))), d);
  (*all).sum = plus((*all).sum, weighed);
  (*all).squares = plus((*all).squares, plus(Pair(part.z, part.w), times(weighed, d)));
}

// (mean, biased variance), pairs.
fn statistics_of(all: Merged) -> vec4f {
  let rows = single(f32(P.rows));
  let shift = over(all.sum, rows);
  let mean = plus(single(all.near), shift);
  let variance = over(plus(all.squares, minus(times(all.sum, shift))), rows);
  let a = sum_of(mean.hi, mean.lo);
  let b = sum_of(variance.hi, variance.lo);
  return vec4f(a.hi, a.lo, b.hi, b.lo);
}

// Channel c's pack by its statistics, which are left for the running ones too, the variance with n / (n - 1): moments[to + c] and,
// behind the means, moments[to + channels + c].
fn hand_out(c: u32, batch: vec4f) {
  let mean = Pair(batch.x, batch.y);
  let variance = Pair(batch.z, batch.w);
  let unbiased = times(variance, over(single(f32(P.rows)), single(f32(P.rows - 1u))));
  moments[P.to + c] = vec2f(mean.hi, mean.lo);
  moments[P.to + P.channels + c] = vec2f(unbiased.hi, unbiased.lo);
  write_pack(c, mean, variance);
}
