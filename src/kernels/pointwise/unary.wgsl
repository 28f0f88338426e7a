// y[i] = f(x[i]), or BACKWARD: y[i] (+)= dy[i] * f'(x[i]). OP chooses f; k is its number. Dispatch: see walk.wgsl.
struct Params {
  rows: u32, columns: u32, tail: u32, rows_each: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32,
  y_stride: u32, y_offset: u32, k: f32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read_write> y: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

// The table: an op's value, and its gradient from x and g = dy. The order is that of UNARY in index.ts.
fn op(x: V, g: V, k: V) -> V {
  let zero = V();
  let one = V(1.0);
  switch OP {
    case 0: { return either(max(x, zero), select(zero, g, x > zero)); } // relu
    case 1: { return either(select(k * x, x, x > zero), select(k * g, g, x > zero)); } // leakyRelu, slope k
    case 2: { return either(select(k * (exp(min(x, zero)) - one), x, x > zero), select(k * exp(min(x, zero)) * g, g, x > zero)); } // elu, alpha k
    case 3: { return either(exp(x), g * exp(x)); } // exp
    case 4: { return either(log(x), g / x); } // log
    case 5: { return either(sqrt(x), g * 0.5 / sqrt(x)); } // sqrt
    case 6: { return either(x * x, 2.0 * x * g); } // square
    case 7: { return either(-x, -g); } // neg
    case 8: { return either(abs(x), sign(x) * g); } // abs
    case 9: { return either(sigmoid(x), g * sigmoid(x) * sigmoid(-x)); } // sigmoid
    case 10: { return either(hyperbolic_tangent(x), g * 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x)); } // tanh
    case 11: { return either(x + k, g); } // x + k
    case 12: { return either(x * k, g * k); } // x * k
    case 13: { return either(x / k, g / k); } // x / k
    case 14: { return either(k - x, -g); } // k - x
    case 15: { return either(k / x, -g * k / (x * x)); } // k / x
    default: { return x; }
  }
}
fn either(value: V, gradient: V) -> V {
  if (BACKWARD) { return gradient; }
  return value;
}

// Both stay finite inside: an exponent below 0 only shrinks, and infinities may be assumed absent.
fn sigmoid(x: V) -> V {
  let e = exp(-abs(x));
  return select(e, V(1.0), x > V()) / (1.0 + e);
}
fn hyperbolic_tangent(x: V) -> V {
  let e = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - e) / (1.0 + e);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = share_of(group, lane);
  for (var r = s.first; r < s.last; r++) {
    var g = V();
    if (BACKWARD) { g = V(dy[r * P.dy_stride + P.dy_offset + s.c]); }
    let v = op(V(x[r * P.x_stride + P.x_offset + s.c]), g, V(P.k));
    let at = r * P.y_stride + P.y_offset + s.c;
    if (P.accumulate == 1u) { y[at] = S(V(y[at]) + v); } else { y[at] = S(v); }
  }
}
