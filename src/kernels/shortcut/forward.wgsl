// y[i] = atan(a x[i] / s) / (a s), s = sqrt(c^2 + 1). Dispatch: see walk.wgsl.
struct Params { rows: u32, columns: u32, tail: u32, rows_each: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<S>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = share_of(group, lane);
  let f = factors();
  for (var r = s.first; r < s.last; r++) {
    let v = V(x[r * P.x_stride + P.x_offset + s.c]);
    let value = arctangent(product_of(v, V(f.a * f.inverse))).value;
    y[r * P.y_stride + P.y_offset + s.c] = S(v * f.inverse_square * (value.hi + value.lo));
  }
}
