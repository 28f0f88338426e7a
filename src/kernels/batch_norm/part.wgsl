// Channel c of part p as (sum, its lo, product, its lo).
fn part_of(p: u32, c: u32) -> vec4f {
  let w = P.width;
  let at = (p * P.channels + c - c % w) * select(2u, 4u, PAIRED) + c % w;
  if (PAIRED) { return vec4f(part[at], part[at + w], part[at + 2u * w], part[at + 3u * w]); }
  return vec4f(part[at], 0.0, part[at + w], 0.0);
}
