// Numbers of twice the precision: hi + lo, lo what rounding took from hi. For sums that cancel to a hundredth of their terms and
// less, where float32 terms would not do; unless they are so many that their rounding averages out: then (not EXACT) products
// and quotients are float32's. V: f32 or vec4f, U and B its integers and booleans. `veil` hides a value from compilers that
// would simplify (a + b) - a; P.veil is 0.
struct Pair { hi: V, lo: V }
fn single(v: V) -> Pair { return Pair(v, V()); }
fn veil(v: V) -> V { return bitcast<V>(bitcast<U>(v) ^ U(P.veil)); }
// a + b (Knuth's TwoSum).
fn sum_of(a: V, b: V) -> Pair {
  let hi = veil(a + b);
  let added = veil(hi - a);
  return Pair(hi, (a - (hi - added)) + (b - added));
}
fn plus(a: Pair, b: Pair) -> Pair {
  let s = sum_of(a.hi, b.hi);
  return Pair(s.hi, s.lo + (a.lo + b.lo));
}
// a * b (Dekker): the upper halves of the mantissas have exact products.
fn product_of(a: V, b: V) -> Pair {
  let hi = a * b;
  if (!EXACT) { return Pair(hi, V()); }
  let ah = bitcast<V>(bitcast<U>(a) & U(0xFFFFF000u));
  let bh = bitcast<V>(bitcast<U>(b) & U(0xFFFFF000u));
  let al = a - ah;
  let bl = b - bh;
  return Pair(hi, ((ah * bh - veil(hi)) + ah * bl + al * bh) + al * bl);
}
fn times(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return Pair((a.hi + a.lo) * (b.hi + b.lo), V()); }
  let p = product_of(a.hi, b.hi);
  return Pair(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}
fn over(a: Pair, b: Pair) -> Pair {
  if (!EXACT) { return Pair((a.hi + a.lo) / (b.hi + b.lo), V()); }
  let hi = a.hi / b.hi;
  let p = product_of(hi, b.hi);
  return Pair(hi, ((a.hi - p.hi) - p.lo + a.lo - hi * b.lo) / b.hi);
}
fn minus(a: Pair) -> Pair { return Pair(-a.hi, -a.lo); }
fn pick(a: Pair, b: Pair, second: B) -> Pair { return Pair(select(a.hi, b.hi, second), select(a.lo, b.lo, second)); }
