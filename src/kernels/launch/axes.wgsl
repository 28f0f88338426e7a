// Where step i of a walk lies on axes ? x n1 x n2 x n3, of which the last `rank` count: a division for every axis but one.
fn place(i: u32, rank: u32, n1: u32, n2: u32, n3: u32) -> vec4u {
  if (rank < 2u) { return vec4u(0u, 0u, 0u, i); }
  let q3 = i / n3;
  let i3 = i - q3 * n3;
  if (rank == 2u) { return vec4u(0u, 0u, q3, i3); }
  let q2 = q3 / n2;
  let i2 = q3 - q2 * n2;
  if (rank == 3u) { return vec4u(0u, q2, i2, i3); }
  let q1 = q2 / n1;
  return vec4u(q1, q2 - q1 * n1, i2, i3);
}
fn step_of(at: vec4u, s0: u32, s1: u32, s2: u32, s3: u32) -> u32 {
  return at.x * s0 + at.y * s1 + at.z * s2 + at.w * s3;
}
