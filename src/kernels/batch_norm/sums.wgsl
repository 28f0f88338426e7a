// (sum of dz, sum of dz * (x - mean)) of a column of V over rows first..end; dz = upstream * act'(z), z = xhat * gamma + beta. 64 rows
// are summed at a time, their sums as pairs.
struct Sums { sum: Pair, product: Pair }
fn sums_of(n: Channel, first: u32, end: u32, c: u32) -> Sums {
  let scale = n.inverse * n.gamma;
  var sum = Pair();
  var product = Pair();
  for (var r0 = first; r0 < end; r0 += 64u) {
    var s = Pair();
    var p = Pair();
    let last = min(r0 + 64u, end);
    for (var r = r0; r < last; r++) {
      let d = difference(V(x[r * P.x_stride + P.x_offset + c]), n.mean);
      let dz = single(upstream(r, c) * slope(d.hi * scale + n.beta, V(K)));
      s = add(s, dz);
      p = add(p, multiply(d, dz));
    }
    sum = plus(sum, s);
    product = plus(product, p);
  }
  return Sums(sum, product);
}
