// y[i] = f(a[i], b[i]) (WANT 0), or y[i] (+)= dy[i] * df/da (WANT 1) or df/db (WANT 2). OP chooses f. Dispatch: see walk.wgsl.
struct Params {
  rows: u32, columns: u32, tail: u32, rows_each: u32, a_stride: u32, a_offset: u32, b_stride: u32, b_offset: u32,
  dy_stride: u32, dy_offset: u32, y_stride: u32, y_offset: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> a: array<S>;
@group(0) @binding(1) var<storage, read> b: array<S>;
@group(0) @binding(2) var<storage, read> dy: array<S>;
@group(0) @binding(3) var<storage, read_write> y: array<S>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = share_of(group, lane);
  for (var r = s.first; r < s.last; r++) {
    var g = V();
    if (WANT > 0u) { g = V(dy[r * P.dy_stride + P.dy_offset + s.c]); }
    let v = op(V(a[r * P.a_stride + P.a_offset + s.c]), V(b[r * P.b_stride + P.b_offset + s.c]), g);
    let at = r * P.y_stride + P.y_offset + s.c;
    if (P.accumulate == 1u) { y[at] = S(V(y[at]) + v); } else { y[at] = S(v); }
  }
}
