// Of the packs of two positions each of eight lanes loads one number: lane 4 i + j number j of position q + i.
fn pack_at(q: u32, lane: u32) -> u32 { return q * 4u + lane % 8u; }
fn norm_here(number: f32) -> Norm {
  return mat4x2f(
    subgroupShuffle(number, 0u), subgroupShuffle(number, 4u), subgroupShuffle(number, 1u), subgroupShuffle(number, 5u),
    subgroupShuffle(number, 2u), subgroupShuffle(number, 6u), subgroupShuffle(number, 3u), subgroupShuffle(number, 7u));
}
