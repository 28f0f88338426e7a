// dst[r, c] = src[r, c], or += src[r, c], or = 0, between rows of channels with strides and storage types (S, D) of their own.
// A lane owns one column of V and walks `rows_each` rows. Dispatch: (columns / LANES, rows / rows_each).
struct Params { rows: u32, columns: u32, src_stride: u32, src_offset: u32, dst_stride: u32, dst_offset: u32, rows_each: u32 }
@group(0) @binding(0) var<storage, read> src: array<S>;
@group(0) @binding(1) var<storage, read_write> dst: array<D>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  for (var r = group.y * P.rows_each; r < last; r++) {
    let to = P.dst_offset + r * P.dst_stride + c;
    if (MODE == 2u) { dst[to] = D(); }
    else if (MODE == 1u) { dst[to] = D(V(dst[to]) + V(src[P.src_offset + r * P.src_stride + c])); }
    else { dst[to] = D(src[P.src_offset + r * P.src_stride + c]); }
  }
}
