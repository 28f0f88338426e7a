// For u = a x / s, s^2 = c^2 + 1: value = atan(u) / u, slope = 1 / (1 + u^2) and bend = (slope - value) / u^2, all even in u and
// finite at u = 0. With them y = x / s^2 * value, dy/dx = slope / s^2, dy/da = a x^3 / s^4 * bend and
// dy/dc = -c x / s^4 * (value + slope). (WGSL's atan may be off by 4,096 ULP.)
struct Arc { value: Pair, slope: Pair, bend: Pair }
fn arctangent(u: Pair) -> Arc {
  let one = Pair(V(1.0), V());
  let negative = u.hi < V();
  let t = pick(u, minus(u), negative);
  // atan t = base + atan v with |v| <= tan(pi / 8): v = t, (t - 1) / (t + 1) or -1 / t.
  let middle = t.hi > V(0.41421356);
  let large = t.hi > V(2.4142136);
  var numerator = pick(t, plus(t, minus(one)), middle);
  var denominator = pick(one, plus(t, one), middle);
  numerator = pick(numerator, minus(one), large);
  denominator = pick(denominator, t, large);
  var base = pick(Pair(), Pair(V(0.78539819), V(-2.1855695e-8)), middle);
  base = pick(base, Pair(V(1.5707964), V(-4.3711388e-8)), large);
  let v = over(numerator, denominator);
  // (atan(v) / v - 1) / v^2 on that range, a minimax polynomial in v^2.
  let z = v.hi * v.hi;
  let p = -0.333333313 + z * (0.199995488 + z * (-0.142641753 + z * (0.107456729 - z * 0.0645729452)));
  let square = times(t, t);
  let slope = over(one, plus(one, square));
  // Of a small u only what is added to 1, and bend without the cancelling difference: slope - 1 - u^2 p = -u^2 (slope + p).
  let safe = pick(one, t, middle);
  let angle = plus(base, Pair(v.hi, v.hi * z * p + v.lo * (1.0 - z)));
  let value = pick(Pair(V(1.0), z * p), over(angle, safe), middle);
  let bend = pick(Pair(-(slope.hi + p), V()), over(plus(slope, minus(value)), times(safe, safe)), middle);
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
