// Sums that keep their rounding errors beside them (Knuth's TwoSum): the gradients of a and c are sums that may cancel to a
// thousandth of their terms. `veil` hides a value from compilers that would simplify (a + b) - a; P.veil is 0.
struct Sum { value: V, error: V }
fn veil(v: V) -> V { return bitcast<V>(bitcast<U>(v) ^ U(P.veil)); }
fn plus(s: Sum, term: V) -> Sum {
  let value = veil(s.value + term);
  let added = veil(value - s.value);
  return Sum(value, s.error + ((s.value - (value - added)) + (term - added)));
}
