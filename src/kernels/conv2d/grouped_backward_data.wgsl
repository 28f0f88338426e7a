// dx[n, iy, ix, c] (+)= sum over ky, kx, o of
//   W[ky, kx, c % members, o] * dy[n, (iy + pad - ky * dilation) / stride, (ix + pad - kx * dilation) / stride, o],
// o over the `each` outputs of c's group, where the divisions leave no remainder and the pixel exists.
// Lanes as in grouped_forward.wgsl, over a row of x. Dispatch: (columns / LX, h, n).
struct Params {
  columns: u32, each: u32, members: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<S>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read_write> dx: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  let first = c / P.members * P.each;
  let outputs = P.columns / P.members * P.each;
  for (var ix = lane / LX; ix < P.w; ix += 64u / LX) {
    var sum = V();
    for (var ky = 0u; ky < P.kh; ky++) {
      let down = group.y + P.pad_h - ky * P.dilation_h;
      let oy = down / P.stride_h;
      if (oy >= P.oh || oy * P.stride_h != down) { continue; }
      for (var kx = 0u; kx < P.kw; kx++) {
        let right = ix + P.pad_w - kx * P.dilation_w;
        let ox = right / P.stride_w;
        if (ox >= P.ow || ox * P.stride_w != right) { continue; }
        let start = ((group.z * P.oh + oy) * P.ow + ox) * P.dy_stride + P.dy_offset + first;
        let tap = ((ky * P.kw + kx) * P.members + c % P.members) * outputs + first;
        for (var o = 0u; o < P.each; o++) { sum += weight[tap + o] * V(dy[start + o]); }
      }
    }
    let to = ((group.z * P.h + group.y) * P.w + ix) * P.dx_stride + P.dx_offset + c;
    if (P.accumulate == 1u) { dx[to] = S(V(dx[to]) + sum); } else { dx[to] = S(sum); }
  }
}
