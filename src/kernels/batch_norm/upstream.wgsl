// dy may be in PARTS, which are added up.
fn whole(at: u32) -> V {
  if (PARTS == 1u) { return V(dy[at]); }
  var sum = V();
  for (var p = 0u; p < PARTS; p++) { sum += V(dy[p * P.dy_part + at]); }
  return sum;
}
// The gradient of the activation's output at row r: dy itself, or, where a 2x2 average pool follows (POOLED), a quarter of
// its pixel's; rows and columns that the pool dropped get none. P.h and P.w are the sizes before the pool.
fn upstream(r: u32, c: u32) -> V {
  if (POOLED) {
    let y = r / P.w % P.h / 2u;
    let x = r % P.w / 2u;
    let inside = y < P.h / 2u && x < P.w / 2u;
    let row = (r / (P.h * P.w) * (P.h / 2u) + y) * (P.w / 2u) + x;
    return V(dy[select(0u, row, inside) * P.dy_stride + P.dy_offset + c]) * select(0.0, 0.25, inside);
  }
  return whole(r * P.dy_stride + P.dy_offset + c);
}
