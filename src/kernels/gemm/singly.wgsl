// A is loaded number by number: one position of each row at a time.
const W = 1u;
alias Norm = vec4f;
fn norm_here(pack: vec4f) -> Norm { return pack; }
fn norm_of_rows(pack: array<vec4f, W>) -> Norm { return pack[0]; }
const TK = 1u;
alias Strip = f32;
alias Columns = V;
fn load_rows(at: array<Cursor, 4>, q: u32, end: u32, lane: u32) -> vec4f {
  let here = position_at(q, lane);
  return vec4f(load_a(at[0], q, here), load_a(at[1], q, here), load_a(at[2], q, here), load_a(at[3], q, here));
}
fn load_columns(row: u32, end: u32, column: u32) -> Columns { return load_b(row, column); }
