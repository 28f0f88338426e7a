fn channel(c: u32) -> Channel {
  let a = pack[c];
  return Channel(a.x, a.y, a.z, a.w);
}
