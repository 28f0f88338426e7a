// For u = a x / s and s^2 = c^2 + 1: value = atan(u) / u, slope = 1 / (1 + u^2) and bend = (slope - value) / u^2, all even in u
// and finite at u = 0. With them y = x / s^2 * value, dy/dx = slope / s^2, dy/da = a x^3 / s^4 * bend,
// dy/dc = -c x / s^4 * (value + slope). WGSL's atan may be off by 4,096 ULP; this one is off by two or three.
struct Arc { value: V, slope: V, bend: V }
fn arctangent(u: V) -> Arc {
  let t = abs(u);
  // atan t = base + atan v with |v| <= tan(pi / 8): v = t, (t - 1) / (t + 1) or -1 / t.
  let middle = t > V(0.41421356);
  let large = t > V(2.4142136);
  let over = select(select(t, t - 1.0, middle), V(-1.0), large);
  let under = select(select(V(1.0), t + 1.0, middle), t, large);
  let base = select(select(V(), V(0.78539816), middle), V(1.5707963), large);
  let v = over / under;
  // (atan(v) / v - 1) / v^2 on that range, a minimax polynomial in v^2.
  let z = v * v;
  let p = -0.333333313 + z * (0.199995488 + z * (-0.142641753 + z * (0.107456729 - z * 0.0645729452)));
  let square = t * t;
  let slope = 1.0 / (1.0 + square);
  let value = select(1.0 + z * p, (base + v + v * z * p) / max(t, V(0.1)), middle);
  // For small u the difference cancels: slope - 1 - u^2 p = -u^2 (slope + p).
  let bend = select(-(slope + p), (slope - value) / max(square, V(0.1)), middle);
  return Arc(value, slope, bend);
}

struct Factors { a: f32, c: f32, inverse: f32, inverse_square: f32 }
// a, c, 1 / s and 1 / s^2.
fn factors() -> Factors {
  let square = c[0] * c[0] + 1.0;
  let guess = inverseSqrt(square);
  // One Newton step: inverseSqrt may be off by 2 ULP.
  return Factors(a[0], c[0], guess * (1.5 - 0.5 * square * guess * guess), 1.0 / square);
}
