// A is loaded two adjacent positions of a row at once; there is an even number of positions.
const W = 2u;
const TK = 2u;
alias Strip = vec2f;
alias Columns = mat2x4f;
alias Norm = mat4x2f;
// Each lane has loaded the pack of position q + lane % W.
fn norm_here(pack: vec4f) -> Norm { return transpose(mat2x4f(subgroupShuffle(pack, 0u), subgroupShuffle(pack, 1u))); }
fn load_rows(at: array<Cursor, 4>, q: u32, end: u32, lane: u32) -> mat4x2f {
  let here = position_at(q, lane);
  return mat4x2f(load_a(at[0], q, here), load_a(at[1], q, here), load_a(at[2], q, here), load_a(at[3], q, here));
}
fn load_columns(row: u32, end: u32, column: u32) -> Columns { return mat2x4f(load_b(row, column), load_b(row + 1u, column)); }
