// y[n, oy, ox, o] = epilogue(bias[o] + sum over i, ky, kx of
//   W[ky, kx, i, o] * f(x[n, oy * stride - pad + ky * dilation, ox * stride - pad + kx * dilation, (o / each) * members + i]))
// f and epilogue as in forward; `each` outputs and `members` inputs a group. Depthwise, a lane has as many inputs V as outputs Y.
// LX of the 64 lanes lie along columns of Y, the others take pixels of one row of y. Dispatch: (columns / LX, oh, n).
struct Params {
  columns: u32, each: u32, members: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> weight: array<Y>;
@group(0) @binding(2) var<storage, read> bias: array<Y>;
@group(0) @binding(3) var<storage, read> pack: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<YS>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o = group.x * LX + lane % LX;
  if (o >= P.columns) { return; }
  let own = open_epilogue(o);
  for (var ox = lane / LX; ox < P.ow; ox += 64u / LX) {
    var sum = Y();
    if (BIAS) { sum = bias[o]; }
    for (var i = 0u; i < P.members; i++) {
      let c = o / P.each * P.members + i;
      var n: Channel;
      if (NORM) { n = channel(c); }
      for (var ky = 0u; ky < P.kh; ky++) {
        let iy = group.y * P.stride_h + ky * P.dilation_h - P.pad_h;
        if (iy >= P.h) { continue; }
        let line = (group.z * P.h + iy) * P.w;
        for (var kx = 0u; kx < P.kw; kx++) {
          let ix = ox * P.stride_w + kx * P.dilation_w - P.pad_w;
          if (ix >= P.w) { continue; }
          var v = V(x[(line + ix) * P.x_stride + P.x_offset + c]);
          if (NORM) { v = normalise(v, n); }
          sum += weight[((ky * P.kw + kx) * P.members + i) * P.columns + o] * v;
        }
      }
    }
    y[((group.z * P.oh + group.y) * P.ow + ox) * P.y_stride + P.y_offset + o] = YS(epilogue(sum, own));
  }
}
