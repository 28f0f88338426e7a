// dx[n, iy, ix, c] (+)= sum over ky, kx, o of W[ky, kx, c, o] *
//   dy[n, (iy + pad - ky * dilation) / stride, (ix + pad - kx * dilation) / stride, o],
// where the divisions leave no remainder and the pixel exists. `weight` comes transposed, as [tap][o][c].
// Rows are input pixels, columns input channels, segments taps, positions output channels.
struct Params {
  rows: u32, columns: u32, co: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<AS>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read_write> dx: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

struct Row { image: u32, y: u32, x: u32 }
struct Cursor { at: u32, inside: f32 }
alias Position = u32;

fn open_row(m: u32) -> Row {
  let pixel = m % (P.h * P.w);
  return Row(m / (P.h * P.w) * (P.oh * P.ow), pixel / P.w + P.pad_h, pixel % P.w + P.pad_w);
}
fn seek(row: Row, s: u32) -> Cursor {
  let y = row.y - s / P.kw * P.dilation_h;
  let x = row.x - s % P.kw * P.dilation_w;
  var oy = y;
  var ox = x;
  var inside = true;
  if (STRIDED) {
    oy = y / P.stride_h;
    ox = x / P.stride_w;
    inside = oy * P.stride_h == y && ox * P.stride_w == x;
  }
  inside = inside && oy < P.oh && ox < P.ow;
  return Cursor(select(0u, (row.image + oy * P.ow + ox) * P.dy_stride, inside) + P.dy_offset, select(0.0, 1.0, inside));
}
fn position_at(q: u32, lane: u32) -> Position { return 0u; }
fn load_a(cursor: Cursor, q: u32, c: Position) -> A { return cursor.inside * A(dy[(cursor.at + q) / W]); }
fn b_row(s: u32) -> u32 { return s * P.co; }
fn load_b(row: u32, column: u32) -> V { return weight[row * P.columns + column]; }
fn segments_of(split: u32) -> vec2u { return vec2u(0u, P.kh * P.kw); }
fn positions_of(s: u32, row: Row) -> vec2u { return vec2u(0u, P.co); }
fn store(m: u32, n: u32, split: u32, value: V) { write(m * P.dx_stride + P.dx_offset + n, value); }
fn write(at: u32, value: V) {
  if (P.accumulate == 1u) { dx[at] = S(V(dx[at]) + value); } else { dx[at] = S(value); }
}
