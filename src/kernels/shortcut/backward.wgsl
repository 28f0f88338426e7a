// DX: dx[i] (+)= dy[i] * dy/dx. SUMS: part[t] = the sums of dy x^3 bend and of dy x (value + slope) over thread t's elements,
// as pairs: what a and c get but for factors. Formulas: arctangent.wgsl. Dispatch: see walk.wgsl.
struct Params {
  rows: u32, columns: u32, tail: u32, rows_each: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32,
  dx_stride: u32, dx_offset: u32, accumulate: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<S>;
@group(0) @binding(5) var<storage, read_write> part: array<V>;
@group(0) @binding(6) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32,
) {
  let s = share_of(group, lane);
  let f = factors();
  var to_a = Pair();
  var to_c = Pair();
  for (var r = s.first; r < s.last; r++) {
    let v = V(x[r * P.x_stride + P.x_offset + s.c]);
    let g = V(dy[r * P.dy_stride + P.dy_offset + s.c]);
    let arc = arctangent(product_of(v, V(f.a * f.inverse)));
    if (DX) {
      let at = r * P.dx_stride + P.dx_offset + s.c;
      let d = g * f.inverse_square * arc.slope.hi;
      if (P.accumulate == 1u) { dx[at] = S(V(dx[at]) + d); } else { dx[at] = S(d); }
    }
    if (SUMS) {
      let gv = product_of(g, v);
      to_a = plus(to_a, times(gv, times(product_of(v, v), arc.bend)));
      to_c = plus(to_c, times(gv, plus(arc.value, arc.slope)));
    }
  }
  if (SUMS) {
    let t = ((group.y * groups.x + group.x) * LANES + lane) * 4u;
    part[t] = to_a.hi;
    part[t + 1u] = to_a.lo;
    part[t + 2u] = to_c.hi;
    part[t + 3u] = to_c.lo;
  }
}
