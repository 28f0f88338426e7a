// dx[r, c] (+)= gamma * inverse_deviation * (dz - constant - by_x * (x - mean)) for rows first..end, dz as in sums.wgsl. Sums of dz * x in
// their place would cancel for large means; and of few rows next to nothing remains (of two eps / (variance + eps)).
fn pass_through(n: Channel, constant: Pair, by_x: Pair, first: u32, end: u32, c: u32) {
  let scale = n.inverse * n.gamma;
  let less = minus(constant);
  let less_by_x = minus(by_x);
  for (var r = first; r < end; r++) {
    let d = difference(V(x[r * P.x_stride + P.x_offset + c]), n.mean);
    let dz = upstream(r, c) * slope(d.hi * scale + n.beta, V(K));
    let rest = add(add(single(dz), less), multiply(d, less_by_x));
    var v = scale * rest.hi;
    if (EXACT) { v = scale * (rest.hi + rest.lo); }
    let at = r * P.dx_stride + P.dx_offset + c;
    if (P.accumulate == 1u) { dx[at] = S(V(dx[at]) + v); } else { dx[at] = S(v); }
  }
}
