// exp and log1p to about 1e-7 relative on every driver: the built-in ones may be off by more (WGSL allows exp 3 + 2|x| ULP, log
// 2^-21 near 1). After Cephes: reduce by powers of two, then a polynomial.

/// exp(x) for x <= 0; 0 below -87.
fn precise_exp(x: f32) -> f32 {
  if (x < -87.0) { return 0.0; }
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693359375) + n * 2.12194440e-4;
  var p = 1.9875691500e-4;
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  return ldexp(p * r * r + r + 1.0, i32(n));
}

/// log(1 + s) for s >= 0, relative to its own size: 2 atanh(t) + k log 2 with t at most 0.18.
fn precise_log1p(s: f32) -> f32 {
  var k = 0.0;
  var t = s / (2.0 + s);
  if (s > 0.4) {
    let parts = frexp(1.0 + s);
    var m = parts.fract;
    k = f32(parts.exp);
    if (m < 0.70710678) { m *= 2.0; k -= 1.0; }
    t = (m - 1.0) / (m + 1.0);
  }
  let q = t * t;
  let series = q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q / 11.0))));
  return k * 0.69314718 + 2.0 * (t + t * series);
}
