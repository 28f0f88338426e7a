enable subgroups;
// Eight lanes compute 64 outputs of 32 pixels together: a lane loads x for four pixels and hands it to all, and owns the
// weights of eight outputs. Dispatch: (co / 64, pixels / 32).
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o = group.x * 16u + lane;
  let m = group.y * 32u;
  let outputs = P.co / 4u;
  var sum: array<array<vec4f, 2>, 32>;
  for (var tap = 0u; tap < 9u; tap++) {
    var p: array<Place, 4>;
    for (var r = 0u; r < 4u; r++) { p[r] = place(m + 8u * r + lane, tap); }
    for (var c = 0u; c < P.ci; c++) {
      var a: array<f32, 4>;
      for (var r = 0u; r < 4u; r++) { a[r] = p[r].inside * x[p[r].at + c]; }
      let at = (tap * P.ci + c) * outputs + o;
      let w = array(weight[at], weight[at + 8u]);
      for (var r = 0u; r < 4u; r++) {
        for (var i = 0u; i < 8u; i++) {
          let v = subgroupShuffle(a[r], i);
          for (var j = 0u; j < 2u; j++) { sum[8u * r + i][j] += v * w[j]; }
        }
      }
    }
  }
  for (var i = 0u; i < 32u; i++) {
    for (var j = 0u; j < 2u; j++) { y[(m + i) * outputs + o + 8u * j] = sum[i][j]; }
  }
}
