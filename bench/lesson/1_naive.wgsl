// One invocation computes one number. X = V = f32. Dispatch: (co / 8, pixels / 8).
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x;
  let m = id.y;
  var sum = 0.0;
  for (var tap = 0u; tap < 9u; tap++) {
    let p = place(m, tap);
    for (var c = 0u; c < P.ci; c++) { sum += p.inside * x[p.at + c] * weight[(tap * P.ci + c) * P.co + o]; }
  }
  y[m * P.co + o] = sum;
}
