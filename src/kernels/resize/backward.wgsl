// dx[n, iy, ix, c] (+)= sum of share(iy, oy) share(ix, ox) dy[n, oy, ox, c] over the outputs that (iy, ix) reaches, in row-major
// order, see places.wgsl. Lanes as in forward.wgsl, over a row of x. Dispatch: (columns / LX, h, n).
struct Params {
  h: i32, w: i32, oh: i32, ow: i32, columns: u32, dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32,
  accumulate: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<S>;
@group(0) @binding(1) var<storage, read_write> dx: array<S>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  let iy = i32(group.y);
  let y0 = first_output(iy, P.h, P.oh);
  let y1 = last_output(iy, P.h, P.oh);
  for (var ix = i32(lane / LX); ix < P.w; ix += i32(64u / LX)) {
    let x0 = first_output(ix, P.w, P.ow);
    let x1 = last_output(ix, P.w, P.ow);
    var sum = V();
    for (var oy = y0; oy <= y1; oy++) {
      var row = V();
      for (var ox = x0; ox <= x1; ox++) {
        let q = u32((i32(group.z) * P.oh + oy) * P.ow + ox);
        row += share_at(ix, ox, P.w, P.ow) * V(dy[q * P.dy_stride + P.dy_offset + c]);
      }
      sum += share_at(iy, oy, P.h, P.oh) * row;
    }
    let to = ((group.z * u32(P.h) + group.y) * u32(P.w) + u32(ix)) * P.dx_stride + P.dx_offset + c;
    if (P.accumulate == 1u) { dx[to] = S(V(dx[to]) + sum); } else { dx[to] = S(sum); }
  }
}
