enable subgroups;
// C[m, n] = sum over segments s and positions q of A(m, s, q) * B(s, q, n), for drivers that compute on a CPU.
// One subgroup of LANES is a workgroup and owns TM rows x TN * LANES columns of V. A lane loads one value of A for every
// LANES-th row; each is broadcast to all lanes and multiplied with this lane's own columns of B: few loads, no barriers.
// Dispatch: (columns / (LANES * TN), rows / TM, splits).
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * TM;
  let n0 = group.x * (LANES * TN) + lane;
  var row: array<Row, TM / LANES>;
  for (var r = 0u; r < TM / LANES; r++) { row[r] = open_row(min(m0 + r * LANES + lane, P.rows - 1u)); }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { column[j] = min(n0 + j * LANES, P.columns - 1u); }
  // A sum of many terms rounds at its own size: every 32 terms and more are a sum of their own, c, and go to `total`.
  var c: array<array<V, TN>, TM>;
  var total: array<array<V, TN>, TM>;
  var terms = 0u;

  let segments = segments_of(group.z);
  for (var s = segments.x; s < segments.y; s++) {
    var at: array<Cursor, TM / LANES>;
    for (var r = 0u; r < TM / LANES; r++) { at[r] = seek(row[r], s); }
    let positions = positions_of(s, m0);
    let first = b_row(s);
    for (var q = positions.x; q < positions.y; q++) {
      let position = position_at(q);
      var a: array<f32, TM / LANES>;
      for (var r = 0u; r < TM / LANES; r++) { a[r] = load_a(at[r], q, position); }
      var b: array<V, TN>;
      for (var j = 0u; j < TN; j++) { b[j] = load_b(first + q, column[j]); }
      for (var r = 0u; r < TM / LANES; r++) {
        for (var i = 0u; i < LANES; i++) {
          let v = subgroupShuffle(a[r], i);
          for (var j = 0u; j < TN; j++) { c[r * LANES + i][j] += v * b[j]; }
        }
      }
    }
    terms += max(positions.x, positions.y) - positions.x;
    if (terms < 32u) { continue; }
    terms = 0u;
    for (var i = 0u; i < TM; i++) {
      for (var j = 0u; j < TN; j++) {
        total[i][j] += c[i][j];
        c[i][j] = V();
      }
    }
  }
  for (var i = 0u; i < TM; i++) {
    for (var j = 0u; j < TN; j++) {
      if (m0 + i < P.rows && n0 + j * LANES < P.columns) { store(m0 + i, n0 + j * LANES, group.z, total[i][j] + c[i][j]); }
    }
  }
}
