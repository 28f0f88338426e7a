fn channel(c: u32) -> Channel {
  let a = pack[4u * c]; let b = pack[4u * c + 1u]; let d = pack[4u * c + 2u]; let e = pack[4u * c + 3u];
  return Channel(vec4f(a.x, b.x, d.x, e.x), vec4f(a.y, b.y, d.y, e.y), vec4f(a.z, b.z, d.z, e.z), vec4f(a.w, b.w, d.w, e.w));
}
fn lost(c: u32) -> Lost {
  let a = pack[4u * P.columns + 2u * c]; let b = pack[4u * P.columns + 2u * c + 1u];
  return Lost(vec4f(a.xz, b.xz), vec4f(a.yw, b.yw));
}
