// y[n, oy, ox, c] = sum over (iy, ix) of share(iy, oy) share(ix, ox) x[n, iy, ix, c]: two inputs an axis, see places.wgsl. A lane
// owns a column of V; LX of the 64 lanes lie along columns, the others take pixels of one row of y. Dispatch: (columns / LX, oh, n).
struct Params { h: i32, w: i32, oh: i32, ow: i32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane % LX;
  if (c >= P.columns) { return; }
  let down = place_of(i32(group.y), P.h, P.oh);
  let above = (i32(group.z) * P.h + down.at) * P.w;
  let below = (i32(group.z) * P.h + down.next) * P.w;
  for (var ox = i32(lane / LX); ox < P.ow; ox += i32(64u / LX)) {
    let right = place_of(ox, P.w, P.ow);
    let upper = mix(element(above + right.at, c), element(above + right.next, c), V(right.share));
    let lower = mix(element(below + right.at, c), element(below + right.next, c), V(right.share));
    let q = (group.z * u32(P.oh) + group.y) * u32(P.ow) + u32(ox);
    y[q * P.y_stride + P.y_offset + c] = S(mix(upper, lower, V(down.share)));
  }
}
fn element(pixel: i32, c: u32) -> V { return V(x[u32(pixel) * P.x_stride + P.x_offset + c]); }
