enable subgroups;
// The lanes of a subgroup hold a column's weights between them, LANES / 4 taps a register: for drivers that compute on a CPU.
const TAPS = 9u * C;
alias Weights = array<f32, (4u * TAPS + LANES - 1u) / LANES>;
fn load_weights(column: u32, lane: u32) -> Weights {
  var held: Weights;
  for (var i = 0u; i < (4u * TAPS + LANES - 1u) / LANES; i++) {
    let at = i * LANES + lane;
    held[i] = weight[(min(at / 4u, TAPS - 1u) * P.columns + column) * 4u + at % 4u];
  }
  return held;
}
fn weight_of(held: ptr<function, Weights>, tap: u32) -> vec4f {
  let v = held[4u * tap / LANES];
  let i = 4u * tap % LANES;
  return vec4f(subgroupShuffle(v, i), subgroupShuffle(v, i + 1u), subgroupShuffle(v, i + 2u), subgroupShuffle(v, i + 3u));
}
