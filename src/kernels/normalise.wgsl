// act((x - mean) * inverse_deviation * gamma + beta); n = (mean, inverse deviation, gamma, beta) of the channels of x.
fn activate(z: A) -> A {
  if (ACT == 1u) { return max(z, A()); }
  if (ACT == 2u) { return select(exp(min(z, A())) - 1.0, z, z > A()); }
  return z;
}
fn normalise(x: A, n: Norm) -> A { return activate((x - n[0]) * (n[1] * n[2]) + n[3]); }
