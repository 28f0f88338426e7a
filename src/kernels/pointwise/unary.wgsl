// y[i] = f(x[i]), or BACKWARD: y[i] (+)= dy[i] * f'(x[i]). OP and ACT choose f; k is its number. Dispatch: see walk.wgsl.
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
  switch OP {
    case 0: { return either(exp(x), g * exp(x)); } // exp
    case 1: { return either(log(x), g / x); } // log
    case 2: { return either(sqrt(x), g * 0.5 / sqrt(x)); } // sqrt
    case 3: { return either(x * x, 2.0 * x * g); } // square
    case 4: { return either(-x, -g); } // neg
    case 5: { return either(abs(x), sign(x) * g); } // abs
    case 6: { return either(x + k, g); } // x + k
    case 7: { return either(x * k, g * k); } // x * k
    case 8: { return either(x / k, g / k); } // x / k
    case 9: { return either(k - x, -g); } // k - x
    case 10: { return either(k / x, -g * k / (x * x)); } // k / x
    default: { return either(activate(x, k), stopped(g, slope(x, k))); }
  }
}
fn either(value: V, gradient: V) -> V {
  if (BACKWARD) { return gradient; }
  return value;
}
// Where the slope is 0 nothing passes, not even an infinity.
fn stopped(g: V, slope: V) -> V { return select(g * slope, V(), slope == V()); }

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
