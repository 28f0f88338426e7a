// Activations and their derivatives on V.
fn activate(z: V) -> V {
  if (ACT == 1u) { return max(z, V()); }
  if (ACT == 2u) { return select(exp(min(z, V())) - V(1), z, z > V()); }
  return z;
}
fn slope(z: V) -> V {
  if (ACT == 1u) { return select(V(), V(1), z > V()); }
  if (ACT == 2u) { return select(exp(min(z, V())), V(1), z > V()); }
  return V(1);
}
