// (mean, M2) of a column of V over rows first..end, summed as differences d to a value near the mean, so that M2 = sum d^2 - (sum d)^2 / n
// hardly cancels; 64 rows at a time.
struct Moments { mean: Pair, squares: Pair }

// The mean of seven rows of these; of equal values, that value.
fn rough_mean(first: u32, end: u32, column: u32) -> V {
  let base = V(x[first * P.x_stride + column]);
  var sum = V();
  for (var k = 1u; k < 7u; k++) { sum += V(x[(first + (end - first) * k / 7u) * P.x_stride + column]) - base; }
  return base + sum / 7.0;
}

fn moments_of(first: u32, end: u32, column: u32) -> Moments {
  let near = rough_mean(first, end, column);
  var sum = Pair();
  var squares = Pair();
  for (var r0 = first; r0 < end; r0 += 64u) {
    let last = min(r0 + 64u, end);
    var s = Pair();
    var q = Pair();
    for (var r = r0; r < last; r++) {
      let d = difference(V(x[r * P.x_stride + column]), near);
      s = add(s, d);
      q = add(q, multiply(d, d));
    }
    sum = add(sum, s);
    squares = add(squares, q);
  }
  let shift = over(sum, single(V(f32(end - first))));
  return Moments(plus(single(near), shift), plus(squares, minus(times(sum, shift))));
}
