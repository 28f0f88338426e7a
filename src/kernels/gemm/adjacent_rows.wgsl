// A is loaded four adjacent rows at once, for two positions; past the end B is 0.
const W = 4u;
const TK = 2u;
alias Strip = vec2f;
alias Columns = mat2x4f;
alias Norm = mat4x4f;
fn norm_of_rows(pack: array<vec4f, W>) -> Norm { return transpose(mat4x4f(pack[0], pack[1], pack[2], pack[3])); }
fn load_rows(at: array<Cursor, 4>, q: u32, end: u32, lane: u32) -> mat4x2f {
  let next = min(q + 1u, end - 1u);
  return transpose(mat2x4f(load_a(at[0], q, position_at(q, lane)), load_a(at[0], next, position_at(next, lane))));
}
fn load_columns(row: u32, end: u32, column: u32) -> Columns {
  return mat2x4f(load_b(row, column), select(V(), load_b(min(row + 1u, end - 1u), column), row + 1u < end));
}
