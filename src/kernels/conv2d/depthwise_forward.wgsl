// y[n, oy, ox, c] = bias[c] + sum over ky, kx of W[ky, kx, c] * f(x[n, oy * S - pad + ky * D, ox * S - pad + kx * D, c]), f as in
// forward. A lane owns a column of V, its weights in registers, and walks along a row of y. Dispatch: (columns / LX, oh, n).
struct Params {
  columns: u32, h: u32, w: u32, oh: u32, ow: u32, pad_h: u32, pad_w: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<V>;
@group(0) @binding(3) var<storage, read> pack: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<S>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LX)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane;
  if (c >= P.columns) { return; }
  var n: Channel;
  if (NORM) { n = channel(c); }
  var line: array<u32, KH>;
  var taps: array<V, KH * KW>;
  for (var ky = 0u; ky < KH; ky++) {
    let iy = group.y * SH + ky * DH - P.pad_h;
    let inside = iy < P.h;
    line[ky] = select(0u, (group.z * P.h + iy) * P.w, inside) * P.x_stride + P.x_offset + c;
    for (var kx = 0u; kx < KW; kx++) {
      taps[ky * KW + kx] = select(V(), weight[(ky * KW + kx) * P.columns + c], inside);
    }
  }
  var start = V();
  if (BIAS) { start = bias[c]; }
  var to = (group.z * P.oh + group.y) * P.ow * P.y_stride + P.y_offset + c;
  for (var ox = 0u; ox < P.ow; ox++) {
    var sum = start;
    for (var kx = 0u; kx < KW; kx++) {
      let ix = ox * SW + kx * DW - P.pad_w;
      let inside = ix < P.w;
      let at = select(0u, ix, inside) * P.x_stride;
      var part = V();
      for (var ky = 0u; ky < KH; ky++) {
        var v = V(x[line[ky] + at]);
        if (NORM) { v = normalise(v, n); }
        part += taps[ky * KW + kx] * v;
      }
      sum += select(V(), part, inside);
    }
    y[to] = S(sum);
    to += P.y_stride;
  }
}
