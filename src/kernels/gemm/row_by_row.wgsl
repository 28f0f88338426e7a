// Each of a lane's rows of A is a load of its own.
fn load_rows(at: array<Cursor, ROWS>, q: u32, end: u32, lane: u32) -> array<Strip, ROWS> {
  let here = position_at(q, lane);
  var a: array<Strip, ROWS>;
  for (var r = 0u; r < ROWS; r++) { a[r] = load_a(at[r], q, here); }
  return a;
}
