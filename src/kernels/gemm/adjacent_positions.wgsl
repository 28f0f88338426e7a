// A is loaded two adjacent positions of a row at once; there is an even number of positions.
const W = 2u;
const TK = 2u;
alias Strip = vec2f;
alias Columns = mat2x4f;
alias Norm = mat4x2f;
fn load_columns(row: u32, end: u32, column: u32) -> Columns { return mat2x4f(load_b(row, column), load_b(row + 1u, column)); }
