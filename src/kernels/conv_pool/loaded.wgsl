// Weights are loaded where they are used, the same ones by all lanes.
alias Weights = u32;
fn load_weights(column: u32, lane: u32) -> Weights { return column; }
fn weight_of(column: ptr<function, Weights>, tap: u32) -> vec4f {
  let at = (tap * P.columns + *column) * 4u;
  return vec4f(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]);
}
