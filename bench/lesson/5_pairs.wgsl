enable subgroups;
// As before, two channels at a time. X = vec2f. Dispatch: (co / 64, pixels / 32).
alias Share = array<array<vec4f, 2>, 8>;
fn multiply(sum: ptr<function, Share>, a: vec2f, w: array<mat2x4f, 2>) {
  for (var i = 0u; i < 8u; i++) {
    let v = subgroupShuffle(a, i);
    for (var j = 0u; j < 2u; j++) { sum[i][j] += w[j] * v; }
  }
}
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o = group.x * 16u + lane;
  let m = group.y * 32u;
  let outputs = P.co / 4u;
  var sum: array<Share, 4>;
  for (var tap = 0u; tap < 9u; tap++) {
    var p: array<Place, 4>;
    for (var r = 0u; r < 4u; r++) { p[r] = place(m + 8u * r + lane, tap); }
    for (var c = 0u; c < P.ci; c += 2u) {
      var a: array<vec2f, 4>;
      for (var r = 0u; r < 4u; r++) { a[r] = p[r].inside * x[(p[r].at + c) / 2u]; }
      let at = (tap * P.ci + c) * outputs + o;
      let w = array(mat2x4f(weight[at], weight[at + outputs]), mat2x4f(weight[at + 8u], weight[at + outputs + 8u]));
      multiply(&sum[0], a[0], w);
      multiply(&sum[1], a[1], w);
      multiply(&sum[2], a[2], w);
      multiply(&sum[3], a[3], w);
    }
  }
  for (var i = 0u; i < 32u; i++) {
    for (var j = 0u; j < 2u; j++) { y[(m + i) * outputs + o + 8u * j] = sum[i / 8u][i % 8u][j]; }
  }
}
