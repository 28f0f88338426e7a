// All stay finite inside: an exponent below 0 only shrinks, and infinities may be assumed absent.
fn sigmoid(z: Z) -> Z {
  let e = exp(-abs(z));
  return select(e, Z(1.0), z > Z()) / (1.0 + e);
}
fn hyperbolic_tangent(z: Z) -> Z {
  let e = exp(-2.0 * abs(z));
  return sign(z) * (1.0 - e) / (1.0 + e);
}
fn bell(z: Z) -> Z {
  let a = min(abs(z), Z(15.0)); // exp(-112) is 0
  return exp(-0.5 * a * a);
}
fn normal_density(z: Z) -> Z { return 0.39894228 * bell(z); }
// The normal distribution's share below z, (1 + erf(z / sqrt 2)) / 2. With a = |z| and s = (a - 4) / (a + 4), the share below -a
// is exp(-a^2 / 2) / (1 + a) times a polynomial in s, fitted to 3e-8 of its value: no term cancels, so that small ones keep digits.
fn normal_share(z: Z) -> Z {
  let a = min(abs(z), Z(15.0));
  let s = (a - 4.0) / (a + 4.0);
  var p = Z(8.535524e-5);
  p = p * s + 7.148091e-4;
  p = p * s - 4.125723e-4;
  p = p * s - 5.046201e-3;
  p = p * s + 1.7968236e-2;
  p = p * s - 3.2185788e-2;
  p = p * s + 2.8597070e-2;
  p = p * s + 1.3998694e-2;
  p = p * s - 9.6703373e-2;
  p = p * s + 4.7205323e-1;
  let tail = bell(z) * p / (1.0 + a);
  return select(tail, 1.0 - tail, z > Z());
}
