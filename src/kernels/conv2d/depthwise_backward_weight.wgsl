// part[split, ky, kx, c] = sum over n, oy, ox of f(x[n, oy * S - pad + ky * D, ox * S - pad + kx * D, c]) * dy[n, oy, ox, c], f as in
// forward. A lane owns a column of V and the sums of all taps, and walks along ROWS rows of dy at once with the window of x that
// they see: a step loads SW new columns of it. Split y sums `lines_each` strips of ROWS rows; a second pass adds the parts.
// Dispatch: (columns / LX, splits).
struct Params {
  columns: u32, h: u32, w: u32, oh: u32, ow: u32, pad_h: u32, pad_w: u32,
  x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, lines: u32, lines_each: u32, begin: i32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<V>;
@group(0) @binding(4) var<uniform> P: Params;

const HEIGHT = (ROWS - 1) * SH + (KH - 1) * DH + 1;
const WIDE = (KW - 1) * DW + 1;
const KEPT = max(WIDE, SW) - SW;

@compute @workgroup_size(LX)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane;
  if (c >= P.columns) { return; }
  var n: Channel;
  if (NORM) { n = channel(c); }
  let strips = (P.oh + ROWS - 1) / ROWS;
  var sums: array<V, KH * KW>;
  for (var strip = group.y * P.lines_each; strip < min((group.y + 1u) * P.lines_each, P.lines); strip++) {
    let image = strip / strips;
    let oy = strip % strips * ROWS;
    var line: array<u32, HEIGHT>;
    var inside: array<bool, HEIGHT>;
    for (var r = 0u; r < HEIGHT; r++) {
      let iy = oy * SH + r - P.pad_h;
      inside[r] = iy < P.h;
      line[r] = select(0u, (image * P.h + iy) * P.w, inside[r]) * P.x_stride + P.x_offset + c;
    }
    var window = array<array<V, WIDE>, HEIGHT>();
    // The steps before 0 fill the window; those before `begin` would see padding alone.
    for (var ox = P.begin; ox < i32(P.ow); ox++) {
      for (var r = 0u; r < HEIGHT; r++) {
        for (var i = 0u; i < KEPT; i++) { window[r][i] = window[r][i + SW]; }
      }
      for (var i = KEPT; i < WIDE; i++) {
        let ix = u32(ox) * SW + i - P.pad_w;
        let here = ix < P.w;
        let at = select(0u, ix, here) * P.x_stride;
        for (var r = 0u; r < HEIGHT; r++) {
          var v = V(x[line[r] + at]);
          if (NORM) { v = normalise(v, n); }
          window[r][i] = select(V(), v, here && inside[r]);
        }
      }
      var up: array<V, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        let here = ox >= 0 && oy + r < P.oh;
        let at = select(0u, ((image * P.oh + oy + r) * P.ow + u32(ox)) * P.dy_stride, here);
        up[r] = select(V(), V(dy[at + P.dy_offset + c]), here);
      }
      for (var ky = 0u; ky < KH; ky++) {
        for (var kx = 0u; kx < KW; kx++) {
          var sum = V();
          for (var r = 0u; r < ROWS; r++) { sum += window[r * SH + ky * DH][kx * DW] * up[r]; }
          sums[ky * KW + kx] += sum;
        }
      }
    }
  }
  for (var k = 0u; k < KH * KW; k++) {
    let at = (group.y * KH * KW + k) * P.columns + c;
    if (P.accumulate == 1u) { part[at] += sums[k]; } else { part[at] = sums[k]; }
  }
}
