// Count, mean and M2 = sum (x - mean)^2 of sets, and how two sets merge (Chan, Golub, LeVeque 1979).
struct Moments { count: f32, mean: V, m2: V }
fn merge(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  if (count == 0.0) { return a; }
  let share = b.count / count;
  let delta = b.mean - a.mean;
  return Moments(count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * (a.count * share));
}
