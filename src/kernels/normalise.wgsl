// act((x - mean) * inverse_deviation * gamma + beta); n = (mean, inverse deviation, gamma, beta) of the channel.
fn activate(z: f32) -> f32 {
  if (ACT == 1u) { return max(z, 0.0); }
  if (ACT == 2u) { return select(exp(min(z, 0.0)) - 1.0, z, z > 0.0); }
  return z;
}
fn normalise(x: f32, n: vec4f) -> f32 { return activate((x - n.x) * (n.y * n.z) + n.w); }
