fn channel(c: u32) -> Channel {
  let a = pack[c];
  return Channel(a.x, a.y, a.z, a.w);
}
fn lost(c: u32) -> Lost {
  let a = pack[P.columns + c / 2u];
  return Lost(select(a.x, a.z, c % 2u == 1u), select(a.y, a.w, c % 2u == 1u));
}
