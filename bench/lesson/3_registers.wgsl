// One invocation computes four outputs of eight pixels: a weight, once loaded, serves eight. Dispatch: (co / 32, pixels / 8).
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x;
  let m = id.y * 8u;
  let outputs = P.co / 4u;
  var sum: array<vec4f, 8>;
  for (var tap = 0u; tap < 9u; tap++) {
    var p: array<Place, 8>;
    for (var r = 0u; r < 8u; r++) { p[r] = place(m + r, tap); }
    for (var c = 0u; c < P.ci; c++) {
      let w = weight[(tap * P.ci + c) * outputs + o];
      for (var r = 0u; r < 8u; r++) { sum[r] += p[r].inside * x[p[r].at + c] * w; }
    }
  }
  for (var r = 0u; r < 8u; r++) { y[(m + r) * outputs + o] = sum[r]; }
}
