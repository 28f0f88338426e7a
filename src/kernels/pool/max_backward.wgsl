// dx[n, iy, ix, c] (+)= sum of dy[n, oy, ox, c] over the windows whose maximum lies at (iy, ix), in row-major order.
// Lanes as in max_forward.wgsl, over a row of x. Dispatch: (columns / LX, h, n).
struct Params {
  h: u32, w: u32, oh: u32, ow: u32, columns: u32, pad_y: u32, pad_x: u32,
  dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<S>;
@group(0) @binding(1) var<storage, read> indices: array<I>;
@group(0) @binding(2) var<storage, read_write> dx: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  let y0 = first_output(group.y, P.h, P.oh, KY, SY, P.pad_y);
  let y1 = last_output(group.y, P.h, P.oh, SY, P.pad_y);
  for (var ix = lane / LX; ix < P.w; ix += 64u / LX) {
    let x0 = first_output(ix, P.w, P.ow, KX, SX, P.pad_x);
    let x1 = last_output(ix, P.w, P.ow, SX, P.pad_x);
    let here = I(group.y * P.w + ix);
    var sum = V();
    for (var oy = y0; oy <= y1; oy++) {
      for (var ox = x0; ox <= x1; ox++) {
        let q = (group.z * P.oh + oy) * P.ow + ox;
        sum += select(V(), V(dy[q * P.dy_stride + P.dy_offset + c]), indices[q * P.columns + c] == here);
      }
    }
    let to = ((group.z * P.h + group.y) * P.w + ix) * P.dx_stride + P.dx_offset + c;
    if (P.accumulate == 1u) { dx[to] = S(V(dx[to]) + sum); } else { dx[to] = S(sum); }
  }
}
