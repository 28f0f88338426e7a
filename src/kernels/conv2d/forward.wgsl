// y[n, oy, ox, o] = epilogue(bias[o] + sum over ky, kx, c of W[ky, kx, c, o] *
//   f(x[n, oy * stride - pad + ky * dilation, ox * stride - pad + kx * dilation, c]))
// f: identity, or batch normalisation and activation (NORM); outside the image the summand is 0. epilogue: see epilogue.wgsl.
// Rows are output pixels, columns output channels, segments taps, positions input channels.
struct Params {
  rows: u32, columns: u32, ci: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<AS>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<V>;
@group(0) @binding(3) var<storage, read> pack: array<PACK>;
@group(0) @binding(4) var<storage, read_write> y: array<S>;
@group(0) @binding(5) var<uniform> P: Params;

struct Row { image: u32, top: i32, left: i32 }
struct Cursor { at: u32, inside: f32 }
alias Position = Norm;

fn open_row(m: u32) -> Row {
  let pixel = m % (P.oh * P.ow);
  return Row(m / (P.oh * P.ow) * (P.h * P.w),
    i32(pixel / P.ow * P.stride_h) - i32(P.pad_h), i32(pixel % P.ow * P.stride_w) - i32(P.pad_w));
}
fn seek(row: Row, s: u32) -> Cursor {
  let iy = u32(row.top + i32(s / P.kw * P.dilation_h));
  let ix = u32(row.left + i32(s % P.kw * P.dilation_w));
  let inside = iy < P.h && ix < P.w;
  return Cursor(select(0u, (row.image + iy * P.w + ix) * P.x_stride, inside) + P.x_offset, select(0.0, 1.0, inside));
}
fn position_at(q: u32, lane: u32) -> Position {
  if (NORM) { return norm_here(pack[pack_at(q, lane)]); }
  return Position();
}
fn load_a(cursor: Cursor, q: u32, n: Position) -> A {
  let v = A(x[(cursor.at + q) / W]);
  if (NORM) { return cursor.inside * normalise(v, n); }
  return cursor.inside * v;
}
fn b_row(s: u32) -> u32 { return s * P.ci; }
fn load_b(row: u32, column: u32) -> V { return weight[row * P.columns + column]; }
fn segments_of(split: u32) -> vec2u { return vec2u(0u, P.kh * P.kw); }
fn positions_of(s: u32, row: Row) -> vec2u { return vec2u(0u, P.ci); }
struct Column { bias: V, epilogue: Epilogue }
fn open_column(n: u32) -> Column {
  if (BIAS) { return Column(bias[n], open_epilogue(n)); }
  return Column(V(), open_epilogue(n));
}
fn put(own: ptr<function, Column>, m: u32, n: u32, split: u32, value: V) {
  var v = value;
  if (BIAS) { v += (*own).bias; }
  y[m * P.y_stride + P.y_offset + n] = S(epilogue(v, (*own).epilogue));
}
fn close_column(own: Column, tile: u32, n: u32) {}
fn store(m: u32, n: u32, split: u32, value: V) {
  var own = open_column(n);
  put(&own, m, n, split, value);
}
