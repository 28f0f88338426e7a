// y[n, oy, ox, c] = epilogue(bias[c] + sum over ky, kx of W[ky, kx, c] * f(x[n, oy * S - pad + ky * D, ox * S - pad + kx * D, c])), f and
// epilogue as in forward. A lane owns a column of V, its weights in registers, and walks along ROWS rows of y at once, `steps` pixels of them, with
// the window of x that they see: a step loads its SW new columns only. Dispatch: (columns / LX, oh / ROWS, n * ow / steps).
struct Params {
  columns: u32, h: u32, w: u32, oh: u32, ow: u32, pad_h: u32, pad_w: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, steps: u32, walks: u32, begin: i32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<V>;
@group(0) @binding(3) var<storage, read> pack: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<S>;
@group(0) @binding(5) var<uniform> P: Params;

const HEIGHT = (ROWS - 1) * SH + (KH - 1) * DH + 1;
const WIDE = (KW - 1) * DW + 1;
const KEPT = max(WIDE, SW) - SW;

@compute @workgroup_size(LX)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane;
  if (c >= P.columns) { return; }
  var n: Channel;
  if (NORM) { n = channel(c); }
  var taps: array<V, KH * KW>;
  for (var k = 0u; k < KH * KW; k++) { taps[k] = weight[k * P.columns + c]; }
  var start = V();
  if (BIAS) { start = bias[c]; }
  let own = open_epilogue(c);
  let image = group.z / P.walks;
  let oy = group.y * ROWS;
  var line: array<u32, HEIGHT>;
  var inside: array<bool, HEIGHT>;
  for (var r = 0u; r < HEIGHT; r++) {
    let iy = oy * SH + r - P.pad_h;
    inside[r] = iy < P.h;
    line[r] = select(0u, (image * P.h + iy) * P.w, inside[r]) * P.x_stride + P.x_offset + c;
  }
  let first = i32(group.z % P.walks * P.steps);
  let last = min(first + i32(P.steps), i32(P.ow));
  var window: array<array<V, WIDE>, HEIGHT>;
  // The steps before `first` fill the window; those before `begin` would see padding alone.
  for (var ox = max(first - i32((KEPT + SW - 1) / SW), P.begin); ox < last; ox++) {
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
    if (ox < first) { continue; }
    for (var r = 0u; r < ROWS; r++) {
      var sum = start;
      for (var ky = 0u; ky < KH; ky++) {
        for (var kx = 0u; kx < KW; kx++) { sum += taps[ky * KW + kx] * window[r * SH + ky * DH][kx * DW]; }
      }
      if (oy + r < P.oh) { y[((image * P.oh + oy + r) * P.ow + u32(ox)) * P.y_stride + P.y_offset + c] = S(epilogue(sum, own)); }
    }
  }
}
