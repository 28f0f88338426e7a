// y[m, n] (+)= bias[n] + sum over q of A[m, q] * B[q, n], any strides: A[m, q] = a[a_offset + m * a_row + q * a_column], B alike
// (b counted in V: with V = vec4f its columns lie side by side). Positions q run in segments of `segment`; split z sums segment
// z alone, so that no sum runs over thousands of products, and writes part z of y, which a second pass adds.
struct Params {
  rows: u32, columns: u32, inner: u32, segment: u32,
  a_offset: u32, a_row: u32, a_column: u32,
  b_offset: u32, b_row: u32, b_column: u32,
  y_offset: u32, y_row: u32, y_part: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> a: array<AS>;
@group(0) @binding(1) var<storage, read> b: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<V>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(0) @binding(4) var<uniform> P: Params;

alias Row = u32;
alias Cursor = u32;
alias Position = u32;

fn open_row(m: u32) -> Row { return P.a_offset + m * P.a_row; }
fn seek(row: Row, s: u32) -> Cursor { return row + s * P.segment * P.a_column; }
fn position_at(q: u32, lane: u32) -> Position { return q * P.a_column; }
fn load_a(cursor: Cursor, q: u32, at: Position) -> A { return A(a[(cursor + at) / W]); }
fn b_row(s: u32) -> u32 { return s * P.segment; }
fn load_b(row: u32, column: u32) -> V { return b[P.b_offset + row * P.b_row + column * P.b_column]; }
fn segments_of(split: u32) -> vec2u { return vec2u(split, split + 1u); }
fn positions_of(s: u32, row: Row) -> vec2u { return vec2u(0u, min(P.segment, P.inner - s * P.segment)); }
fn store(m: u32, n: u32, split: u32, value: V) {
  var v = value;
  if (BIAS && split == 0u) { v += bias[n]; }
  let at = P.y_offset + split * P.y_part + m * P.y_row + n;
  if (P.accumulate == 1u) { y[at] += v; } else { y[at] = v; }
}
