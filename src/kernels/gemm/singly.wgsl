// A is loaded number by number: one position of each row at a time.
const W = 1u;
alias Norm = vec4f;
fn pack_at(q: u32, lane: u32) -> u32 { return q; }
fn norm_here(pack: vec4f) -> Norm { return pack; }
fn norm_of_rows(pack: array<vec4f, W>) -> Norm { return pack[0]; }
const TK = 1u;
alias Strip = f32;
alias Columns = V;
fn load_columns(row: u32, end: u32, column: u32) -> Columns { return load_b(row, column); }
