// C[m, n] = sum over segments s and positions q of A(m, s, q) * B(s, q, n), without subgroups or workgroup memory.
// An invocation owns TM rows of one column of V. Dispatch: (columns / LANES, rows / TM, splits).
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * TM;
  let n = group.x * LANES + lane;
  let column = min(n, P.columns - 1u);
  var row: array<Row, TM>;
  for (var r = 0u; r < TM; r++) { row[r] = open_row(min(m0 + r, P.rows - 1u)); }
  // A sum of many terms rounds at its own size: every 32 terms and more are a sum of their own, c, and go to `total`.
  var c: array<V, TM>;
  var total: array<V, TM>;
  var terms = 0u;

  let corner = open_row(m0);
  let segments = segments_of(group.z);
  for (var s = segments.x; s < segments.y; s++) {
    var at: array<Cursor, TM>;
    for (var r = 0u; r < TM; r++) { at[r] = seek(row[r], s); }
    let positions = positions_of(s, corner);
    let first = b_row(s);
    for (var q = positions.x; q < positions.y; q++) {
      let position = position_at(q, lane);
      let b = load_b(first + q, column);
      for (var r = 0u; r < TM; r++) { c[r] += load_a(at[r], q, position) * b; }
    }
    terms += max(positions.x, positions.y) - positions.x;
    if (terms < 32u) { continue; }
    terms = 0u;
    for (var r = 0u; r < TM; r++) {
      total[r] += c[r];
      c[r] = V();
    }
  }
  if (n >= P.columns) { return; }
  var own = open_column(n);
  for (var r = 0u; r < TM; r++) {
    if (m0 + r < P.rows) { put(&own, m0 + r, n, group.z, total[r] + c[r]); }
  }
  close_column(own, group.y, n);
}
