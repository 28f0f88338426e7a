// C[m, n] = sum over segments s and positions q of A(m, s, q) * B(s, q, n), for GPUs.
// 256 invocations share tiles of 64 rows x 16 positions of A and 16 positions x 16 columns of V of B in workgroup memory;
// invocation (x, y) owns rows 4y .. 4y+3 of column x. Dispatch: (columns / 16, rows / 64, splits).
const BM = 64u;
const BN = 16u;
const BK = 16u;
// Scalars: a write to one component of a vector may touch its neighbours, which other invocations write.
var<workgroup> tile_a: array<f32, BM * BK>;
var<workgroup> tile_b: array<V, BN * BK>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let x = t % BN;
  let y = t / BN;
  let m0 = group.y * BM;
  let n0 = group.x * BN;
  // For A an invocation loads 4 positions of one row, for B one position of one column.
  let a_row = t / 4u;
  let a_q = (t % 4u) * 4u;
  let row = open_row(min(m0 + a_row, P.rows - 1u));
  let column = min(n0 + x, P.columns - 1u);
  // A sum of many terms rounds at its own size: every 32 terms and more are a sum of their own, c, and go to `total`.
  var c: array<V, 4>;
  var total: array<V, 4>;
  var terms = 0u;

  let segments = segments_of(group.z);
  for (var s = segments.x; s < segments.y; s++) {
    let at = seek(row, s);
    let positions = positions_of(s, m0);
    let first = b_row(s);
    for (var q0 = positions.x; q0 < positions.y; q0 += BK) {
      for (var i = 0u; i < 4u; i++) {
        let q = q0 + a_q + i;
        var a = 0.0;
        if (q < positions.y) { a = load_a(at, q, position_at(q)); }
        tile_a[(a_q + i) * BM + a_row] = a;
      }
      var b = V();
      if (q0 + y < positions.y) { b = load_b(first + q0 + y, column); }
      tile_b[y * BN + x] = b;
      workgroupBarrier();
      for (var q = 0u; q < BK; q++) {
        let v = tile_b[q * BN + x];
        for (var i = 0u; i < 4u; i++) { c[i] += tile_a[q * BM + y * 4u + i] * v; }
      }
      workgroupBarrier();
    }
    terms += max(positions.x, positions.y) - positions.x;
    if (terms < 32u) { continue; }
    terms = 0u;
    for (var i = 0u; i < 4u; i++) {
      total[i] += c[i];
      c[i] = V();
    }
  }
  for (var i = 0u; i < 4u; i++) {
    let m = m0 + y * 4u + i;
    if (m < P.rows && n0 + x < P.columns) { store(m, n0 + x, group.z, total[i] + c[i]); }
  }
}
