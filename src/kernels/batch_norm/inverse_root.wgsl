// 1 / sqrt(v).
fn inverse_root(v: Pair) -> Pair {
  let guess = inverseSqrt(v.hi);
  // One Newton step: inverseSqrt may be off by 2 ULP. Then the series of 1 / sqrt(1 - rest).
  let root = guess * (1.5 - 0.5 * v.hi * guess * guess);
  let left = plus(single(1.0), minus(times(v, product_of(root, root))));
  let rest = left.hi + left.lo;
  return sum_of(root, root * (rest * (0.5 + 0.375 * rest)));
}
