// The arithmetic of sums over a tile of rows: pairs where EXACT, else plain float32, `lo` being 0.
fn difference(a: V, b: V) -> Pair {
  if (!EXACT) { return single(a - b); }
  return sum_of(a, -b);
}
fn add(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return single(a.hi + b.hi); }
  return plus(a, b);
}
fn multiply(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return single(a.hi * b.hi); }
  return times(a, b);
}
