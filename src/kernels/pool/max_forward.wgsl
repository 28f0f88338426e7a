// y[n, oy, ox, c] = the largest x[n, iy, ix, c] of the window of (oy, ox), padding left out; `indices` (INDICES) says where:
// iy * w + ix of the first one in row-major order. A lane owns a column of V; LX of the 64 lanes lie along columns, the
// others take pixels of one row of y. Dispatch: (columns / LX, oh, n).
struct Params {
  h: u32, w: u32, oh: u32, ow: u32, columns: u32, pad_y: u32, pad_x: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
@group(0) @binding(2) var<storage, read_write> indices: array<I>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  // In place of padding the pixel beside it is looked at once more: it lies in the window too.
  let y0 = i32(group.y * SY) - i32(P.pad_y);
  for (var ox = lane / LX; ox < P.ow; ox += 64u / LX) {
    let x0 = i32(ox * SX) - i32(P.pad_x);
    let first = u32(max(y0, 0)) * P.w + u32(max(x0, 0));
    var best = V(x[(group.z * P.h * P.w + first) * P.x_stride + P.x_offset + c]);
    var place = I(first);
    for (var ky = 0u; ky < KY; ky++) {
      let line = u32(clamp(y0 + i32(ky), 0, i32(P.h) - 1)) * P.w;
      for (var kx = 0u; kx < KX; kx++) {
        let here = line + u32(clamp(x0 + i32(kx), 0, i32(P.w) - 1));
        let v = V(x[(group.z * P.h * P.w + here) * P.x_stride + P.x_offset + c]);
        place = select(place, I(here), v > best);
        best = max(best, v);
      }
    }
    let q = (group.z * P.oh + group.y) * P.ow + ox;
    y[q * P.y_stride + P.y_offset + c] = S(best);
    if (INDICES) { indices[q * P.columns + c] = place; }
  }
}
