// The arithmetic of sums over a tile of rows: pairs where EXACT, else float32's, `lo` being unused.
fn single(v: V) -> Pair { return Pair(v, V()); }
fn difference(a: V, b: V) -> Pair {
  if (!EXACT) { return Pair(a - b, V()); }
  return sum_of(a, -b);
}
fn add(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return Pair(a.hi + b.hi, V()); }
  return plus(a, b);
}
fn multiply(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return Pair(a.hi * b.hi, V()); }
  return times(a, b);
}
