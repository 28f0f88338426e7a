// Both stay finite inside: an exponent below 0 only shrinks, and infinities may be assumed absent.
fn sigmoid(z: Z) -> Z {
  let e = exp(-abs(z));
  return select(e, Z(1.0), z > Z()) / (1.0 + e);
}
fn hyperbolic_tangent(z: Z) -> Z {
  let e = exp(-2.0 * abs(z));
  return sign(z) * (1.0 - e) / (1.0 + e);
}
