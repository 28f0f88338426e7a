// A thread's share of a matrix of V whose last row ends after `tail` columns: column c, rows first to last.
// Needs rows, columns, tail and rows_each in Params. Dispatch: (columns / LANES, rows / rows_each) workgroups of LANES.
struct Share { c: u32, first: u32, last: u32 }
fn share_of(group: vec3u, lane: u32) -> Share {
  let c = group.x * LANES + lane;
  let first = group.y * P.rows_each;
  if (c >= P.columns) { return Share(c, first, first); }
  return Share(c, first, min(first + P.rows_each, select(P.rows, P.rows - 1u, c >= P.tail)));
}
