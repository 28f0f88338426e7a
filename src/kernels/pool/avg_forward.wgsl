// y[n, oy, ox, c] = (sum of x[n, iy, ix, c] over the window of (oy, ox), row by row) / its size; padding counts as zeros.
// Lanes as in max_forward.wgsl. Dispatch: (columns / LX, oh, n).
struct Params {
  h: u32, w: u32, oh: u32, ow: u32, columns: u32, pad_y: u32, pad_x: u32,
  x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  let y0 = window_start(group.y, P.h, P.oh, SY, P.pad_y);
  let y1 = window_end(group.y, P.h, P.oh, KY, SY, P.pad_y);
  for (var ox = lane / LX; ox < P.ow; ox += 64u / LX) {
    let x0 = window_start(ox, P.w, P.ow, SX, P.pad_x);
    let x1 = window_end(ox, P.w, P.ow, KX, SX, P.pad_x);
    var sum = V();
    for (var iy = y0; iy < y1; iy++) {
      var at = ((group.z * P.h + iy) * P.w + x0) * P.x_stride + P.x_offset + c;
      var row = V();
      for (var ix = x0; ix < x1; ix++) {
        row += V(x[at]);
        at += P.x_stride;
      }
      sum += row;
    }
    let q = (group.z * P.oh + group.y) * P.ow + ox;
    y[q * P.y_stride + P.y_offset + c] = S(sum / f32(select(KY * KX, (y1 - y0) * (x1 - x0), ADAPTIVE)));
  }
}
