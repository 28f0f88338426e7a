// part[g, c] = (sum of dz, sum of dz * (x - mean)) over the g-th ROWS rows; dz = upstream * act'(z), z = xhat * gamma + beta.
// 64 rows are summed at a time, their sums as pairs. A lane owns a column of V. Dispatch: (columns / LANES, rows / ROWS).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, h: u32, w: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<Pair>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let n = channel(c);
  let scale = n.inverse * n.gamma;
  let end = min((group.y + 1u) * ROWS, P.rows);
  var sum = Pair();
  var product = Pair();
  for (var r0 = group.y * ROWS; r0 < end; r0 += 64u) {
    var s = Pair();
    var p = Pair();
    let last = min(r0 + 64u, end);
    for (var r = r0; r < last; r++) {
      let d = difference(V(x[r * P.x_stride + P.x_offset + c]), n.mean);
      let dz = single(upstream(r, c) * slope(d.hi * scale + n.beta, V(K)));
      s = add(s, dz);
      p = add(p, multiply(d, dz));
    }
    sum = plus(sum, s);
    product = plus(product, p);
  }
  part[(group.y * P.columns + c) * 2u] = sum;
  part[(group.y * P.columns + c) * 2u + 1u] = product;
}
