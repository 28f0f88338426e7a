// Count, mean and M2 = sum (x - mean)^2 of sets, and how two sets merge (Chan, Golub, LeVeque 1979). In pairs:
// a mean far from 0 would round at its own size, not at the deviation's.
struct Moments { count: f32, mean: Pair, m2: Pair }
fn merge(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  if (count == 0.0) { return a; }
  let delta = plus(b.mean, minus(a.mean));
  let moved = times(delta, over(single(V(b.count)), single(V(count))));
  let between = times(times(delta, moved), single(V(a.count)));
  return Moments(count, plus(a.mean, moved), plus(plus(a.m2, b.m2), between));
}
