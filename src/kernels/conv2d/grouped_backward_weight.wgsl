// part[split, ky, kx, i, o] = sum over n, oy, ox of
//   f(x[n, oy * stride - pad + ky * dilation, ox * stride - pad + kx * dilation, (o / each) * members + i]) * dy[n, oy, ox, o]
// f as in forward. Split z sums `lines_each` lines of output pixels; a second pass adds the parts. A lane sums an element Y.
// Dispatch: (columns / LX, kh * kw * members, splits).
struct Params {
  columns: u32, each: u32, members: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, lines: u32, lines_each: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<YS>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<Y>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LX)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o = group.x * LX + lane;
  if (o >= P.columns) { return; }
  let tap = group.y / P.members;
  let c = o / P.each * P.members + group.y % P.members;
  var n: Channel;
  if (NORM) { n = channel(c); }
  let down = tap / P.kw * P.dilation_h - P.pad_h;
  let right = tap % P.kw * P.dilation_w - P.pad_w;
  var sum = Y();
  for (var line = group.z * P.lines_each; line < min((group.z + 1u) * P.lines_each, P.lines); line++) {
    let iy = line % P.oh * P.stride_h + down;
    if (iy >= P.h) { continue; }
    let start = (line / P.oh * P.h + iy) * P.w;
    for (var ox = 0u; ox < P.ow; ox++) {
      let ix = ox * P.stride_w + right;
      if (ix >= P.w) { continue; }
      var v = V(x[(start + ix) * P.x_stride + P.x_offset + c]);
      if (NORM) { v = normalise(v, n); }
      sum += v * Y(dy[(line * P.ow + ox) * P.dy_stride + P.dy_offset + o]);
    }
  }
  let at = (group.z * P.kh * P.kw * P.members + group.y) * P.columns + o;
  if (P.accumulate == 1u) { part[at] += sum; } else { part[at] = sum; }
}
