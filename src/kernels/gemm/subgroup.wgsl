enable subgroups;
// C[m, n] = sum over segments s and positions q of A(m, s, q) * B(s, q, n), for drivers that compute on a CPU.
// One subgroup of LANES is a workgroup and owns ROWS * LANES rows x TN * LANES columns of V. A lane loads A for ROWS rows of its
// own and B for its columns, TK positions at once; each row is broadcast and multiplied with every lane's columns: few
// loads, no barriers. Dispatch: (columns / (LANES * TN), rows / (ROWS * LANES), splits).
alias Share = array<array<V, TN>, LANES>;

// The driver unrolls loops up to a certain size only, and sums that are not unrolled are not kept in registers: hence one
// call for each of a lane's rows, two or four, where a loop would do.
fn multiply(c: ptr<function, Share>, a: Strip, b: array<Columns, TN>) {
  for (var i = 0u; i < LANES; i++) {
    let v = subgroupShuffle(a, i);
    for (var j = 0u; j < TN; j++) { c[i][j] += b[j] * v; }
  }
}
fn move_to(total: ptr<function, Share>, c: ptr<function, Share>) {
  for (var i = 0u; i < LANES; i++) {
    for (var j = 0u; j < TN; j++) {
      total[i][j] += c[i][j];
      c[i][j] = V();
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * (ROWS * LANES);
  let n0 = group.x * (LANES * TN) + lane;
  var row: array<Row, ROWS>;
  for (var r = 0u; r < ROWS; r++) { row[r] = open_row(min(m0 + ROWS * lane + r, P.rows - 1u)); }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { column[j] = min(n0 + j * LANES, P.columns - 1u); }
  // A sum of many terms rounds at its own size: every 32 terms and more are a sum of their own, c, and go to `total`.
  var c: array<Share, ROWS>;
  var total: array<Share, ROWS>;
  var terms = 0u;

  let corner = open_row(m0);
  let segments = segments_of(group.z);
  for (var s = segments.x; s < segments.y; s++) {
    var at: array<Cursor, ROWS>;
    for (var r = 0u; r < ROWS; r++) { at[r] = seek(row[r], s); }
    let positions = positions_of(s, corner);
    let first = b_row(s);
    for (var q = positions.x; q < positions.y; q += TK) {
      let a = load_rows(at, q, positions.y, lane);
      var b: array<Columns, TN>;
      for (var j = 0u; j < TN; j++) { b[j] = load_columns(first + q, first + positions.y, column[j]); }
      multiply(&c[0], a[0], b);
      multiply(&c[1], a[1], b);
      if (ROWS == 4u) {
        multiply(&c[ROWS - 2u], a[ROWS - 2u], b);
        multiply(&c[ROWS - 1u], a[ROWS - 1u], b);
      }
    }
    terms += max(positions.x, positions.y) - positions.x;
    if (terms < 32u && s + 1u < segments.y) { continue; }
    terms = 0u;
    move_to(&total[0], &c[0]);
    move_to(&total[1], &c[1]);
    if (ROWS == 4u) {
      move_to(&total[ROWS - 2u], &c[ROWS - 2u]);
      move_to(&total[ROWS - 1u], &c[ROWS - 1u]);
    }
  }
  // Counted from 0, the driver would write all stores of a tile out, which takes three times as long to compile.
  let end = m0 + min(ROWS * LANES, P.rows - m0);
  for (var j = 0u; j < TN; j++) {
    let n = n0 + j * LANES;
    if (n >= P.columns) { continue; }
    var own = open_column(n);
    for (var m = m0; m < end; m++) { put(&own, m, n, group.z, total[(m - m0) % ROWS][(m - m0) / ROWS][j]); }
    close_column(own, group.y, n);
  }
}
