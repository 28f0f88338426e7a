// pack[c] = (mean, 1 / sqrt(variance + eps), gamma[c], beta[c]) in fours, then, in twos, what rounding took from the first two, and
// beta makes up for the mean's.
fn inverse_root(v: Pair) -> Pair {
  let guess = inverseSqrt(v.hi);
  // One Newton step: inverseSqrt may be off by 2 ULP. Then the series of 1 / sqrt(1 - rest).
  let root = guess * (1.5 - 0.5 * v.hi * guess * guess);
  let left = plus(single(1.0), minus(times(v, product_of(root, root))));
  let rest = left.hi + left.lo;
  return sum_of(root, root * (rest * (0.5 + 0.375 * rest)));
}

fn write_pack(c: u32, mean: Pair, variance: Pair) {
  let inverse = inverse_root(plus(variance, single(P.eps)));
  pack[2u * c] = vec2f(mean.hi, inverse.hi);
  pack[2u * c + 1u] = vec2f(gamma[c], beta[c] - mean.lo * (inverse.hi * gamma[c]));
  pack[2u * P.channels + c] = vec2f(mean.lo, inverse.lo);
}
