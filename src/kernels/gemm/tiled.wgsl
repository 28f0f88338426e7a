// C[m, n] = sum over segments s and positions q of A(m, s, q) * B(s, q, n), for GPUs.
// The invocations of a workgroup share BM rows x BK positions of A and BK positions x BN columns of V of B in workgroup
// memory. Invocation (x, y) owns TM rows, side by side, of TN columns, X apart. Of every segment's positions, one
// of PARTS workgroups takes its share. Dispatch: (columns / BN, rows / BM, splits * PARTS).
const X = BN / TN;
// As many as there are fours of rows in a tile of A: each invocation loads one, at one position.
const INVOCATIONS = X * BM / TM;
// A row of fours is one longer than it need be, so that fours that are read or written together lie in different banks.
const DEPTH = BK + 1u;
var<workgroup> tile_a: array<vec4f, BM / 4u * DEPTH>;
var<workgroup> tile_b: array<V, BK * BN>;

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let x = t % X;
  let y = t / X;
  let m0 = group.y * BM;
  let n0 = group.x * BN;
  // Neighbours load what lies side by side in A: positions of a row, or rows at a position.
  let four = select(t / BK, t % (BM / 4u), ADJACENT_ROWS);
  let at_q = select(t % BK, t / (BM / 4u), ADJACENT_ROWS);
  var row: array<Row, 4>;
  for (var r = 0u; r < 4u; r++) { row[r] = open_row(min(m0 + four * 4u + r, P.rows - 1u)); }
  // A sum of many terms rounds at its own size: every 32 terms and more are a sum of their own, c, and go to `total`.
  var c: array<array<V, TN>, TM>;
  var total: array<array<V, TN>, TM>;
  var terms = 0u;

  let corner = open_row(m0);
  let segments = segments_of(group.z / PARTS);
  for (var s = segments.x; s < segments.y; s++) {
    var at: array<Cursor, 4>;
    for (var r = 0u; r < 4u; r++) { at[r] = seek(row[r], s); }
    let all = positions_of(s, corner);
    let share = (max(all.x, all.y) - all.x + PARTS - 1u) / PARTS;
    let from_q = all.x + group.z % PARTS * share;
    let positions = vec2u(from_q, min(from_q + share, all.y));
    let first = b_row(s);
    for (var q0 = positions.x; q0 < positions.y; q0 += BK) {
      var a = vec4f();
      let q = q0 + at_q;
      if (q < positions.y) {
        let position = position_at(q, t);
        for (var r = 0u; r < 4u; r++) { a[r] = load_a(at[r], q, position); }
      }
      tile_a[four * DEPTH + at_q] = a;
      for (var i = t; i < BK * BN; i += INVOCATIONS) {
        var b = V();
        if (q0 + i / BN < positions.y) { b = load_b(first + q0 + i / BN, min(n0 + i % BN, P.columns - 1u)); }
        tile_b[i] = b;
      }
      workgroupBarrier();
      for (var k = 0u; k < BK; k++) {
        var v: array<V, TN>;
        for (var j = 0u; j < TN; j++) { v[j] = tile_b[k * BN + j * X + x]; }
        for (var i = 0u; i < TM; i += 4u) {
          let u = tile_a[(y * TM + i) / 4u * DEPTH + k];
          for (var j = 0u; j < TN; j++) {
            c[i][j] += u.x * v[j];
            c[i + 1u][j] += u.y * v[j];
            c[i + 2u][j] += u.z * v[j];
            c[i + 3u][j] += u.w * v[j];
          }
        }
      }
      workgroupBarrier();
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
      let m = m0 + y * TM + i;
      let n = n0 + j * X + x;
      if (m < P.rows && n < P.columns) { result(m, n, group.z, total[i][j] + c[i][j]); }
    }
  }
}
