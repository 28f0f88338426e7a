// part[split, ky, kx, c, o] = sum over n, oy, ox of
//   f(x[n, oy * stride - pad + ky * dilation, ox * stride - pad + kx * dilation, c]) * dy[n, oy, ox, o]
// f as in forward. Rows are (tap, input channel), columns output channels, segments lines of output pixels, positions pixels.
// Split z sums `lines_each` lines, so that no sum runs over thousands of pixels; a second pass adds the parts.
struct Params {
  rows: u32, columns: u32, ci: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, lines: u32, lines_each: u32, pixels: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<AS>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<V>;
@group(0) @binding(4) var<uniform> P: Params;

// `first` to `last`: the pixels of a line that the row's tap can see.
struct Row { down: i32, right: i32, channel: u32, first: u32, last: u32, n: Norm }
struct Cursor { at: u32, ix: i32, line: f32, n: Norm }
alias Position = u32;

fn open_row(m: u32) -> Row {
  let tap = m / P.ci;
  let c = m % P.ci;
  let right = i32(tap % P.kw * P.dilation_w) - i32(P.pad_w);
  let stride = i32(P.stride_w);
  let first = u32(max(0, (stride - 1 - right) / stride));
  let last = u32(clamp((i32(P.w) - 1 - right + stride) / stride, 0, i32(P.ow)));
  var row = Row(i32(tap / P.kw * P.dilation_h) - i32(P.pad_h), right, c, first, last, Norm());
  if (NORM) {
    var p: array<vec4f, W>;
    for (var i = 0u; i < W; i++) { p[i] = pack[c + i]; }
    row.n = norm_of_rows(p);
  }
  return row;
}
fn seek(row: Row, s: u32) -> Cursor {
  if (POINTWISE) { return Cursor(s * P.ow * P.x_stride + P.x_offset + row.channel, 0, 1.0, row.n); }
  let iy = u32(i32(s % P.oh * P.stride_h) + row.down);
  let inside = iy < P.h;
  let line = select(0u, (s / P.oh * P.h + iy) * P.w, inside);
  return Cursor(line * P.x_stride + P.x_offset + row.channel, row.right, select(0.0, 1.0, inside), row.n);
}
fn position_at(q: u32, lane: u32) -> Position { return 0u; }
fn load_a(cursor: Cursor, q: u32, c: Position) -> A {
  if (POINTWISE) {
    let v = A(x[(cursor.at + q * P.x_stride) / W]);
    if (NORM) { return normalise(v, cursor.n); }
    return v;
  }
  let ix = u32(cursor.ix + i32(q * P.stride_w));
  if (ONE_TAP) {
    let v = A(x[(cursor.at + ix * P.x_stride) / W]);
    if (NORM) { return normalise(v, cursor.n); }
    return v;
  }
  let inside = ix < P.w;
  let v = A(x[(cursor.at + select(0u, ix * P.x_stride, inside)) / W]);
  let mask = select(0.0, cursor.line, inside);
  if (NORM) { return mask * normalise(v, cursor.n); }
  return mask * v;
}
fn b_row(s: u32) -> u32 { return s * P.ow; }
fn load_b(row: u32, column: u32) -> V { return V(dy[row * P.dy_stride + P.dy_offset + column]); }
fn segments_of(split: u32) -> vec2u { return vec2u(split * P.lines_each, min((split + 1u) * P.lines_each, P.lines)); }
// With ONE_TAP all rows of a tile belong to one tap, so the image's border becomes the loop's limits: nothing is masked.
fn positions_of(s: u32, row: Row) -> vec2u {
  if (POINTWISE) { return vec2u(0u, min(P.ow, P.pixels - s * P.ow)); }
  if (!ONE_TAP) { return vec2u(0u, P.ow); }
  let iy = u32(i32(s % P.oh * P.stride_h) + row.down);
  return vec2u(row.first, select(row.first, row.last, iy < P.h));
}
fn store(m: u32, n: u32, split: u32, value: V) {
  let at = (split * P.rows + m) * P.columns + n;
  if (P.accumulate == 1u) { part[at] += value; } else { part[at] = value; }
}
