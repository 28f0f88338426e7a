// y[n, oy, ox, c] = mean over the 2x2 pixels (2 oy + i, 2 ox + j) of act((x - mean) * inverse_deviation * gamma + beta).
// A lane owns a column of V. Dispatch: (columns / LANES, output rows / rows_each).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, h: u32, w: u32, rows_each: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> pack: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let n = channel(c);
  let scale = n.inverse * n.gamma;
  let oh = P.h / 2u;
  let ow = P.w / 2u;
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  for (var r = group.y * P.rows_each; r < last; r++) {
    let corner = (r / (oh * ow) * P.h + r / ow % oh * 2u) * P.w + r % ow * 2u;
    var sum = V();
    for (var i = 0u; i < 4u; i++) {
      let pixel = corner + i / 2u * P.w + i % 2u;
      sum += activate((V(x[pixel * P.x_stride + P.x_offset + c]) - n.mean) * scale + n.beta, V(K));
    }
    y[r * P.y_stride + P.y_offset + c] = S(sum * 0.25);
  }
}
