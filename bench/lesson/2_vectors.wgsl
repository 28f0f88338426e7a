// One invocation computes four outputs of a pixel. X = f32, V = vec4f. Dispatch: (co / 32, pixels).
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x;
  let m = id.y;
  let outputs = P.co / 4u;
  var sum = vec4f();
  for (var tap = 0u; tap < 9u; tap++) {
    let p = place(m, tap);
    for (var c = 0u; c < P.ci; c++) { sum += p.inside * x[p.at + c] * weight[(tap * P.ci + c) * outputs + o]; }
  }
  y[m * outputs + o] = sum;
}
