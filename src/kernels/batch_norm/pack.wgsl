// pack[c] = (mean, 1 / sqrt(variance + eps), gamma[c], beta[c]) in fours, then, in twos, what rounding took from the first two, and
// beta makes up for the mean's.
fn write_pack(c: u32, mean: Pair, variance: Pair) {
  let inverse = inverse_root(plus(variance, single(P.eps)));
  pack[2u * c] = vec2f(mean.hi, inverse.hi);
  pack[2u * c + 1u] = vec2f(gamma[c], beta[c] - mean.lo * (inverse.hi * gamma[c]));
  pack[2u * P.channels + c] = vec2f(mean.lo, inverse.lo);
}
